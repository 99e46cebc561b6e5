"""Checks before a run that a strategy's methods accept their arguments; an error names the line of the method."""

import inspect

from ..declared import strategy_title
from ..errors import StrategyError, one_line
from .blame import where_written


def check_methods(strategy: object) -> None:
    """Refuse a strategy whose `read` or `write` does not take (site, key).

    Raises:
        StrategyError: with the arguments that it takes, and its place.
    """
    for verb in ("read", "write"):
        func = getattr(strategy, "functions", {}).get(verb) or getattr(strategy, verb)
        try:
            signature = inspect.signature(func, follow_wrapped=False)  # a decorator may pass more to the inner function
        except (TypeError, ValueError):  # for instance, it is written in C
            continue
        try:
            signature.bind("site", "key")
        except TypeError:
            names = ", ".join(str(one.replace(annotation=one.empty)) for one in signature.parameters.values())
            where = where_written(strategy, verb)
            told = f"{strategy_title(strategy)}.{verb}() must take (site, key), not ({one_line(names)})"
            raise StrategyError(f"{where}{told}") from None
