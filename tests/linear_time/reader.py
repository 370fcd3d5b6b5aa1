"""A reader of text from outside: how it is used, how long its texts may be, and how it says no."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from msgspec import Struct

from app.egress.targets import TargetRefused
from app.problem_document import Problem
from app.signatures import SignatureRefused
from mappings.csv.cells import BadCell
from mappings.csv.export import UnreadableExport
from mappings.spec import Unmappable
from tests.linear_time.growth import SHORT, Attack

HEADER: Final = 64 * 1024
BODY: Final = 1024 * 1024
REFUSALS: Final = (Problem, Unmappable, BadCell, UnreadableExport, SignatureRefused, TargetRefused)
"""How readers say no. Any other exception is a defect."""
NO_NUMBER: Final = (*REFUSALS, ValueError)


class Reader(Struct, frozen=True, kw_only=True):
    """`longest` is how many characters it is ever given; `short` is the size of a first try; `attacks` are texts that
    are hard for it, beside those that are hard for somebody; `refusals` are what it may raise."""

    name: str
    call: Callable[[str], object]
    longest: int = BODY
    short: int = SHORT
    attacks: tuple[Attack, ...] = ()
    refusals: tuple[type[Exception], ...] = REFUSALS

    def read(self, text: str) -> None:
        """Read it, or refuse it."""
        with suppress(*self.refusals):
            self.call(text)


def bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "replace")
