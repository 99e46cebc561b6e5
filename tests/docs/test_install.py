"""docs/install.md says what is so: what installs the servers, and the extras."""

import re
import tomllib

from cachewise.sim.daemons.programs import PROGRAMS
from tests.docs.pages import PAGES, code, table
from tests.helpers import ROOT

PAGE = PAGES["docs/install.md"]


def test_what_installs_the_servers_is_complete() -> None:
    """The line for apt names all packages of Debian and Ubuntu, and the extras are those of the package."""
    assert f"`sudo apt-get install --yes {' '.join(sorted({one.package for one in PROGRAMS}))}`" in PAGE
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {name for extra, _ in table(PAGE, "extra") for name in code(extra)}
    assert {name.strip("[]") for name in named} | {"all", "test", "lint"} == set(extras)
    for text in PAGES.values():
        assert set(re.findall(r"`\[([a-z-]+)\]`", text)) <= set(extras)
