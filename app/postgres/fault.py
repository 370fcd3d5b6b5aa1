"""Why a database that answers cannot be used."""

from typing import Final

from msgspec import Struct


class DatabaseFault(Struct, frozen=True, kw_only=True):
    """`why` it cannot be used, and how to `fix` that: a command, or a sentence that ends with one."""

    why: str
    fix: str

    @property
    def sentence(self) -> str:
        """`why`, as a sentence."""
        return f"{self.why[0].upper()}{self.why[1:]}."

    def __str__(self) -> str:
        return f"{self.why}: {self.fix}"


LOCKED: Final = DatabaseFault(
    why="a table is in use by a transaction that stays open",
    fix="Look for the oldest xact_start in pg_stat_activity, and end it, then: lockstitch doctor",
)
