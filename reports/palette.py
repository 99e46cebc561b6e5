"""The palette: one colour and marker for each strategy, the same in every chart, whichever others are shown.

Colour-blind readers can tell the colours apart; the marker says the rest.
Source: Okabe and Ito, Color Universal Design, 2008.
"""

from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

from ..sim.application import AS_IT_IS, NO_CACHE

INK, MUTED, FAINT, PAPER = "#1b1f24", "#5c6370", "#e3e5e8", "#ffffff"
LANE = "#f1f3f5"  # the background of what stands apart
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK, GREY = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
    "#222222",
    "#8a8f98",
)
PART_COLOURS = {"stale_ratio": ORANGE, "dirty_ratio": SKY, "aborted_ratio": PURPLE, "never_true_ratio": PURPLE}
COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY)
MARKERS = "osD^vPX<>*d"  # no two of them look alike where they are small


class Look(NamedTuple):
    """How a strategy is drawn: a colour, and a marker as matplotlib names them."""

    colour: str
    marker: str

    def size(self, points: float) -> float:
        """Return the size at which the marker looks as large as a circle of *points*."""
        return points * {"*": 1.7, "D": 0.85, "s": 0.9, "X": 1.1, "P": 1.1, "d": 1.1}.get(self.marker, 1.0)


# By name, so that strategies look the same in every chart; any other strategy gets a spare look.
LOOKS = {
    "no-cache": Look(GREY, "s"),
    "oracle": Look(GREY, "*"),
    AS_IT_IS: Look(BLACK, "D"),
    NO_CACHE: Look(GREY, "D"),
    "ttl-only": Look(BLACK, "o"),
    "delete-in-transaction": Look(VERMILION, "X"),
    "delete-on-write": Look(BLUE, "o"),
    "delete-then-set": Look(ORANGE, "v"),
    "write-through-in-transaction": Look(GREEN, "X"),
    "write-through": Look(GREEN, "D"),
    "delete-pattern": Look(GREEN, "v"),
    "clear-all": Look(PURPLE, "P"),
    "versioning": Look(SKY, "^"),
    "incr-version": Look(VERMILION, "<"),
    "namespace-version": Look(PURPLE, "p"),
    "key-based": Look(BLUE, "s"),
    "get-or-set": Look(ORANGE, "s"),
}
_SPARE = tuple(look for marker in MARKERS for colour in COLOURS if (look := Look(colour, marker)) not in LOOKS.values())


def looks(labels: Iterable[str], *, colours_apart: bool = False) -> dict[str, Look]:
    """Return the look of every label: that of its name if it is listed, or a spare one chosen by the label's text.

    If several labels have the same name, the first gets the name's look. If two labels would get the same spare look,
    the later one gets another; with *colours_apart* also if they would get the same colour, as long as others are left.
    """
    chosen: dict[str, Look] = {}
    for label in labels:
        start = crc32(label.encode())
        spare = [_SPARE[(start + step) % len(_SPARE)] for step in range(len(_SPARE))]
        used = {look.colour for look in chosen.values()} if colours_apart else set()
        others = [look for look in spare if look not in chosen.values()] or spare
        free = next((look for look in others if look.colour not in used), others[0])
        listed = LOOKS.get(label.partition(":")[0])
        chosen[label] = free if listed is None or listed in chosen.values() else listed
    return chosen
