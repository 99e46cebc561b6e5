"""Whether a strategy's methods take what they are given: said before a run, with the line where they are written."""

import inspect

from ..declared import strategy_title
from ..errors import StrategyError, one_line
from .blame import where_written


def check_methods(strategy: object) -> None:
    """Refuse a strategy whose `read` or `write` does not take (site, key).

    Raises:
        StrategyError: saying what it takes, and where.
    """
    for verb in ("read", "write"):
        func = getattr(strategy, "functions", {}).get(verb) or getattr(strategy, verb)
        try:
            signature = inspect.signature(func, follow_wrapped=False)  # a decorator may add what the inner one takes
        except (TypeError, ValueError):  # written in C, say
            continue
        try:
            signature.bind("site", "key")
        except TypeError:
            names = ", ".join(str(one.replace(annotation=one.empty)) for one in signature.parameters.values())
            where = where_written(strategy, verb)
            told = f"{strategy_title(strategy)}.{verb}() must take (site, key), not ({one_line(names)})"
            raise StrategyError(f"{where}{told}") from None
