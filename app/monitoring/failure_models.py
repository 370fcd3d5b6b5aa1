"""The Structs of failures."""

from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from canonical.parts import Instant

LOOKED_AT: Final = 10_000
"""Writes, and dead letters, to which a filter is applied at once."""
FailureState = Literal["failed", "unknown", "open", "redriven", "discarded"]


class Failure(Struct, frozen=True, kw_only=True):
    """A failed or unknown write, or a dead letter. `what`: the action, or the kind of job. `key`: the name of the API
    key of a write. `why` holds no personal data; that of a write is added later."""

    at: datetime
    state: FailureState
    id: str
    what: str
    connection: str
    object: str | None
    remote_id: str | None
    correlation_id: str
    key: str | None
    why: str | None
    path: str | None


class FailureFilter(Struct, frozen=True, kw_only=True):
    """Which failures."""

    state: FailureState | None = None
    """Only in this state. Without it, all but closed dead letters."""
    connection: str | None = None
    """Only at this connection."""
    object: str | None = None
    """Only of this object."""
    key: str | None = None
    """Only writes with the API key of this name."""
    since: Instant | None = None
    """Only at this time or later."""


class FailurePosition(Struct, frozen=True, kw_only=True):
    """A position in the list."""

    at: datetime
    id: str


class Unkeyed(Struct, frozen=True, kw_only=True):
    """A failure without keys. `kind` is that of a dead letter."""

    table: Literal["operation", "dead_letter"]
    id: str
    kind: str
