"""CONTRIBUTING.md says what is so: its strategy is one."""

import runpy
from pathlib import Path

import pytest

from cachewise.strategies import STRATEGIES
from tests.docs.pages import PAGES, blocks
from tests.helpers import STORING
from tests.strategies import test_conformance


@pytest.mark.parametrize("backend", STORING)
def test_the_strategy_conforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """The example, taken as it stands, passes the conformance suite."""
    (source,) = blocks(PAGES["CONTRIBUTING.md"], "python")
    path = tmp_path / "my_strategy.py"
    path.write_text(source)
    (strategy,) = [found for found in runpy.run_path(str(path)).values() if hasattr(found, "stale_at_most")]
    monkeypatch.setitem(STRATEGIES, strategy.name, strategy)
    test_conformance.test_conservation(strategy.name, backend)
    test_conformance.test_it_caches(strategy.name, backend)
    test_conformance.test_declared_costs(strategy.name, backend)
