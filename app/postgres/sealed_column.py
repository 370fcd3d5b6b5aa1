"""Columns that hold sealed values, as a rotation of encryption keys goes through them.

Each store declares its own as `SEALED`. A test looks at every column of bytes, and fails for one that is neither
declared nor a digest.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct


class SealedColumn(Struct, frozen=True, kw_only=True):
    """One column of one table. `key` are the columns of its primary key with their types; `belongs_to` makes of a row
    what is bound into its value, from `key` and `more`."""

    table: str
    column: str
    key: Mapping[str, str]
    belongs_to: Callable[[Mapping[str, Any]], str]
    more: Sequence[str] = ()

    @property
    def name(self) -> str:
        """As operators read it: `job.payload`."""
        return f"{self.table}.{self.column}"
