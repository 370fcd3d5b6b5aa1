"""Columns with sealed values, for the rotation of encryption keys.

Each store declares its columns as `SEALED`. A test fails for every bytea column that is neither declared nor a digest.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct


class SealedColumn(Struct, frozen=True, kw_only=True):
    """One column of one table.

    `key` maps the primary key's columns to their types. `belongs_to` returns the associated data of a row, computed
    from the columns in `key` and `more`.
    """

    table: str
    column: str
    key: Mapping[str, str]
    belongs_to: Callable[[Mapping[str, Any]], str]
    more: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The name that operators see: `job.payload`."""
        return f"{self.table}.{self.column}"
