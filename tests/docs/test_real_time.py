"""docs/real-time.md says what is so: its sentences are true of its table."""

import re

from tests.docs.pages import PAGES, table

PAGE = PAGES["docs/real-time.md"]


def test_the_verification_says_what_its_table_shows() -> None:
    """How far apart measured and predicted are, beyond chance or not, and in how many cells, is what the table says."""
    rows = table(PAGE, "strategy | backend")
    hits = [[float(re.findall(r"[\d.]+", side)[0]) for side in row[2].split("/")] for row in rows]
    apart, low, high = zip(*(map(float, re.findall(r"[+-][\d.]+", row[6])) for row in rows), strict=True)
    within = re.search(r"hits within ([\d.]+) points, outdated reads within ([\d.]+)\.", PAGE)
    assert within
    assert max(abs(measured - predicted) for predicted, measured in hits) <= float(within[1])
    assert max(map(abs, apart)) <= float(within[2])
    assert all(least <= one <= most for one, least, most in zip(apart, low, high, strict=True))
    assert f"in all {len(rows)} cells" in PAGE.replace("\n", " ")
    assert {row[1] for row in rows} == {"locmem", "redis", "memcached"}
