"""docs/python.md says what is so: its session is run."""

import doctest

import pytest

from tests.docs.pages import PAGES, blocks


@pytest.mark.servers
def test_the_session_prints_what_it_says() -> None:
    """Every line of it gives the output printed below it."""
    session = "\n".join(blocks(PAGES["docs/python.md"], "python"))
    example = doctest.DocTestParser().get_doctest(session, {}, "docs/python.md", "docs/python.md", 0)
    assert len(example.examples) > 5
    results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example)
    assert results.failed == 0
