"""The benchmark of a project of one's own serves the same on all its sides; how long that takes is no test's affair."""

from pathlib import Path

import pytest
from rich.console import Console

from bench.app import FEW, Shop, print_report, rounds_of
from cachewise import servers


@pytest.mark.proof
def test_all_sides_serve_the_same(tmp_path: Path) -> None:
    """A run, Django's own client with a cache, and one without; and a report comes of it."""
    with servers() as session:
        rounds = rounds_of(Shop(session, tmp_path), 1, FEW + 10, FEW + 20)
    assert set(rounds[0]) == {"run", "bare", "no cache", "large run", "few requests"}
    console = Console(width=100, record=True)
    print_report(rounds, FEW + 10, FEW + 20, console)
    assert "judging / no cache, at most 1:" in console.export_text()
