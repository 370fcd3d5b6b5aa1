"""The guards of undecided operations: what only one of them may hold at a time, each a unique column."""

import hashlib
from typing import NamedTuple

from app.writes.copy_models import CopyOf
from canonical.parts import ObjectName

MOST_KEPT = 10_000


class Guards(NamedTuple):
    """The digest of a unique key, the canonical id of a copy, and that id with both connections."""

    upsert_digest: bytes | None = None
    copy_of: str | None = None
    copied_pair: str | None = None


def guards_of(connection: str, object_name: ObjectName, value: str | None, copied: CopyOf | None) -> Guards:
    """Return the guards of a write that locks a value, and of a copy."""
    digest, copy, pair = None, None, None
    if value is not None:
        digest = hashlib.sha256("\0".join((connection, object_name, value)).encode()).digest()
    if copied is not None:
        copy = copied.canonical_id
        pair = " ".join((copy, *sorted((connection, copied.connection))))
    return Guards(digest, copy, pair)


class KeptGuards:
    """The guards of the last operations of this process, for a row that the database loses."""

    def __init__(self) -> None:
        self._by_operation: dict[str, Guards] = {}

    def keep(self, operation_id: str, guards: Guards) -> None:
        """Remember the guards of an operation."""
        self._by_operation[operation_id] = guards
        if len(self._by_operation) > MOST_KEPT:
            del self._by_operation[next(iter(self._by_operation))]

    def of(self, operation_id: str) -> Guards:
        """Return the guards of an operation that this process executes."""
        return self._by_operation.get(operation_id, Guards())
