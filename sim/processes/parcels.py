"""Parcels: objects sent to another process, which are unpickled only on request."""

from multiprocessing.reduction import ForkingPickler
from pickle import PicklingError
from typing import Any, Generic, TypeVar

Content = TypeVar("Content")


class UnsendableError(Exception):
    """Something cannot be sent to another process."""


class Parcel(Generic[Content]):
    """Something for another process, unpacked there by `opened`.

    Unpacking may import a user's code. An error there is then raised where it is caught and reported.
    """

    def __init__(self, content: Any, packed: bytes | None = None) -> None:
        self._content = content
        self._packed = packed

    def __reduce__(self) -> tuple[Any, ...]:
        try:
            packed = bytes(ForkingPickler.dumps(self._content)) if self._packed is None else self._packed
        except (PicklingError, AttributeError, TypeError) as error:  # for a lambda; it differs by Python version
            raise UnsendableError(str(error)) from error
        return Parcel, (None, packed)

    def opened(self) -> Content:
        """Return the content."""
        content: Content = self._content if self._packed is None else ForkingPickler.loads(self._packed)
        return content
