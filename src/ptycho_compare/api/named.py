"""Things by their name, in order; who asks for one that is not there is told which there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from ptycho_compare.errors import InputError, did_you_mean

Thing = TypeVar("Thing")


class UnknownNameError(InputError, KeyError):
    """Nothing of this name is there; a KeyError too, as of every mapping."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would print it in quotes


class Named(Mapping[str, Thing]):
    """A mapping that names what it holds when it is asked for something else.

    Parameters
    ----------
    what, where : str
        Of what kind they are, and in what, for the message.
    """

    def __init__(self, what: str, where: str, things: Mapping[str, Thing]) -> None:
        self._what, self._where, self._things = what, where, things

    def __getitem__(self, name: str) -> Thing:
        if name not in self._things:
            there = ", ".join(self._things) or "none"
            near = did_you_mean(str(name), self._things)
            raise UnknownNameError(f"{self._where}: no {self._what} {name}; there are {there}{near}")
        return self._things[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)

    def __repr__(self) -> str:
        return f"<{self._what} of {self._where}: {', '.join(self._things)}>"
