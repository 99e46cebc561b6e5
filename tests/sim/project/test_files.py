"""Whose file is whose: the project's own, what is installed in its folder, and cachewise's."""

import sys
from pathlib import Path
from traceback import FrameSummary

import pytest

from cachewise.sim.project import files
from tests.helpers import ROOT


@pytest.mark.parametrize(
    ("project", "file", "own"),
    [
        ("/work/project", "/work/project/shop/views.py", True),
        ("/work/project", "/work/other/views.py", False),
        ("/work/project", "/work/project/lib/site-packages/blog/views.py", False),
        ("/work/project", "/work/project/environment/bin/tool.py", False),
        ("/usr/lib/site-packages/shop", "/usr/lib/site-packages/shop/views.py", True),
        (f"{ROOT}/scenarios/apps/shop", f"{ROOT}/scenarios/apps/shop/shop/views.py", True),
        (f"{ROOT}", f"{ROOT}/sim/app/run.py", False),
        (f"{ROOT}", f"{ROOT}/shop/views.py", True),
    ],
)
def test_whose_a_file_is(project: str, file: str, *, own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project may itself be installed, or come with cachewise; its environment may be in its folder."""
    monkeypatch.setattr(sys, "prefix", "/work/project/environment")
    assert files.is_of(Path(project), file) is own


@pytest.mark.parametrize("project", ["/work/shop", "/usr/lib/site-packages/shop"])
def test_the_innermost_place_in_a_project(project: str) -> None:
    """Frames of others are passed over, wherever the project itself lies."""
    places = [(f"{project}/manage.py", 3), (f"{project}/shop/views.py", 12), ("/usr/lib/site-packages/blog/tags.py", 7)]
    stack = [FrameSummary(file, line, "f", lookup_line=False) for file, line in places]
    assert files.innermost(Path(project), stack) == "shop/views.py, line 12"
    assert files.innermost(Path("/work/other"), stack) == ""
