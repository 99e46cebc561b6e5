"""Parcels: what goes wrong in the unpacking is an exception like any other, in the process that unpacks."""

import pickle
from pathlib import Path

import pytest

from cachewise.sim.processes.parcels import Parcel, UnsendableError


class Explosive:
    """Goes off when it is unpickled."""

    def __reduce__(self):
        return _explode, ()


def _explode():
    raise LookupError("bang")


def test_it_is_unpacked_when_it_is_asked_for():
    """Sending and receiving does not unpickle what is in it, however often."""
    sent = pickle.loads(pickle.dumps(Parcel(Explosive())))
    again = pickle.loads(pickle.dumps(sent))
    for parcel in (sent, again):
        with pytest.raises(LookupError, match="bang"):
            parcel.opened()
    content = [1]
    assert Parcel(content).opened() is content
    assert pickle.loads(pickle.dumps(Parcel(content))).opened() == content


def test_what_cannot_be_sent_says_so():
    """A lambda, an open file: before they are sent."""
    with pytest.raises(UnsendableError, match="lambda"):
        pickle.dumps(Parcel(lambda: 1))
    with Path(__file__).open() as file, pytest.raises(UnsendableError, match="cannot pickle"):
        pickle.dumps(Parcel(file))
