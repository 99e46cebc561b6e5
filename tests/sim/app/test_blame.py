"""Whose file is whose: the project's own, what is installed in its folder, and cachewise's."""

import sys
from pathlib import Path

import pytest

from cachewise.sim.app import blame
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
    assert blame.is_of(Path(project), file) is own
