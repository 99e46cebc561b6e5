"""What the tests of backends share: the rule books, offered as backends."""

from collections.abc import Callable

import pytest

from cachewise.sim.backends import BACKENDS
from tests.sim.backends.rule_book import Rules, rule_book
from tests.sim.backends.server_book import ServerRules, server_book

Open = Callable[[Rules | ServerRules], str]


@pytest.fixture
def on_rules(monkeypatch: pytest.MonkeyPatch) -> Open:
    """Return a function that offers the rule book with some rules as a backend, and returns its name."""

    def opened(rules: Rules | ServerRules) -> str:
        book = server_book(rules) if isinstance(rules, ServerRules) else rule_book(rules)
        monkeypatch.setitem(BACKENDS, "rule book", book)
        return "rule book"

    return opened
