"""The version numbers that all worker processes have given out; one that was rolled back is not used again."""

import multiprocessing
from collections.abc import Mapping
from typing import Any


class Issued:
    """The newest number of each key, in memory that the processes share. The caller must hold the key's row lock."""

    def __init__(self, codes: Mapping[str, int]) -> None:
        self._codes = codes
        self._newest: Any = multiprocessing.get_context("spawn").RawArray("q", len(codes))

    def __getitem__(self, key: str) -> int:
        """Return the newest number of *key*, at first 0."""
        return int(self._newest[self._codes[key]])

    def written(self) -> list[str]:
        """Return the keys that were ever given a number."""
        return [key for key, code in self._codes.items() if self._newest[code]]

    def __setitem__(self, key: str, version: int) -> None:
        self._newest[self._codes[key]] = version
