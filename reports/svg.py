"""SVG for the page: charts and markers in the page's colours, light or dark; the words in charts stay text."""

import io
import re
from functools import lru_cache
from zlib import crc32

import matplotlib as mpl
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from .palette import BLACK, COLOURS, FAINT, GREY, INK, LANE, MUTED, PAPER, Look

Colour = tuple[float, float, float]
TINTS = (0.42, 0.16, 0.66)  # for the first winner of a colour, for the second, and for the third
DARK = 0.5  # a colour whose parts add up to less stays dark when it is tinted
ROLES = {  # the names in page.css of the colours that differ between light and dark
    PAPER: "var(--paper)",
    INK: "var(--ink)",
    BLACK: "var(--ink)",
    MUTED: "var(--muted)",
    FAINT: "var(--line)",
    LANE: "var(--card)",
    "#000000": "var(--ink)",  # hatches
}
_BOX = 0.9  # half the side of a marker's box, in diameters of a circle
_TAG = re.compile(r"<[^>]*>")
_CODES = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}


def share_of(colour: str, tint: float) -> float:
    """Return the share of *colour* in a tint of it; a dark colour gets a smaller share."""
    return tint if sum(to_rgb(colour)) > DARK else tint / 2


def tinted(colour: str, tint: float) -> Colour:
    """Return a colour mixed with white."""
    share = share_of(colour, tint)
    red, green, blue = (share * part + 1 - share for part in to_rgb(colour))
    return red, green, blue


def _mixed(colour: str, tint: float) -> str:
    """Return the same tint in CSS, mixed with the page's background; `--tint` says how strong tints are."""
    percent = 100 * share_of(colour, tint)
    return f"color-mix(in srgb, {ROLES.get(colour, colour)} calc({percent:g}% * var(--tint)), var(--paper))"


_ON_THE_PAGE = {
    **{to_hex(tinted(colour, tint)): _mixed(colour, tint) for colour in (*COLOURS, GREY, BLACK) for tint in TINTS},
    **ROLES,
}


def drawn(figure: Figure) -> str:
    """Return a figure as an `<svg>` for a page: without a background, and with ids that no other chart has."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "cachewise"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, facecolor="none")
    text = buffer.getvalue()
    text = re.sub(
        r"<metadata>.*?</metadata>|<defs>\s*<style.*?</defs>", "", text[text.index("<svg") :], flags=re.DOTALL
    )
    text = re.sub(r'<path d="[^"]*" style="fill: #ffffff"/>', "", text)  # the background of axes
    text = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', r"<svg \1>", text, count=1)
    text = _TAG.sub(lambda found: _for_the_page(found[0]), text)
    text = re.sub(r"\s*\n\s*", " ", text).replace("<g/> ", "").replace("> <", "><")
    mark = f"{crc32(text.encode('utf-8', 'replace')):x}"
    return _TAG.sub(lambda found: re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{mark}-", found[0]), text)


def _for_the_page(tag: str) -> str:
    """Return a tag of an SVG in the page's colours and letters, with shorter numbers; words are not in tags."""
    tag = re.sub(r'<g id="[^"]*"', "<g", tag).replace("xlink:href", "href")
    tag = re.sub(r' font-family: [^;"]*;| transform="rotate\(-0 [^"]*"', "", tag)
    tag = re.sub(r"(\d\.\d\d)\d+", r"\1", tag)
    return re.sub(r"#[0-9a-f]{6}\b", lambda found: _ON_THE_PAGE.get(found[0], found[0]), tag)


@lru_cache(maxsize=1000)
def marker(look: Look) -> str:
    """Return the marker of a look as an `<svg>` of a letter's size; black becomes the colour of the text around it."""
    style = MarkerStyle(look.marker)
    size = look.size(1.0)
    path = style.get_path().transformed(style.get_transform() + Affine2D().scale(size, -size))
    parts = [
        f"{_CODES[code]}{'' if code == Path.CLOSEPOLY else ' '.join(f'{number:.3g}' for number in points)}"
        for points, code in path.iter_segments(simplify=False)
    ]
    colour = "currentColor" if look.colour == BLACK else look.colour
    box = f'viewBox="{-_BOX} {-_BOX} {2 * _BOX} {2 * _BOX}" width="16" height="16"'
    return f'<svg class="marker" {box} aria-hidden="true"><path fill="{colour}" d="{"".join(parts)}"/></svg>'
