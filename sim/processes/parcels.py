"""What is sent to another process, in a parcel: it is unpacked only when it is asked for."""

from multiprocessing.reduction import ForkingPickler
from pickle import PicklingError
from typing import Any, Generic, TypeVar

Content = TypeVar("Content")


class UnsendableError(Exception):
    """Something cannot be sent to another process."""


class Parcel(Generic[Content]):
    """Something for another process, unpacked there by `opened`.

    So what goes wrong in the unpacking, which may import somebody's code, is raised where somebody listens.
    """

    def __init__(self, content: Any, packed: bytes | None = None) -> None:
        self._content = content
        self._packed = packed

    def __reduce__(self) -> tuple[Any, ...]:
        try:
            packed = bytes(ForkingPickler.dumps(self._content)) if self._packed is None else self._packed
        except (PicklingError, AttributeError, TypeError) as error:  # what pickle raises for a lambda, in each Python
            raise UnsendableError(str(error)) from error
        return Parcel, (None, packed)

    def opened(self) -> Content:
        """Return what is in it."""
        content: Content = self._content if self._packed is None else ForkingPickler.loads(self._packed)
        return content
