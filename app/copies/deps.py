"""Dependencies of copies and fan-out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.writes.deps import WriteDeps
from app.writes.store.removals import PostgresRemovals

if TYPE_CHECKING:
    from app.copies.consumers import Consumer
    from app.events.store.events import PostgresEvents
    from app.postgres.database import Database


@dataclass(frozen=True, kw_only=True)
class ConsumerDeps:
    """The names of all consumers, and the store of what they remove."""

    consumers: Collection[str]
    removals: PostgresRemovals


def consumers_in(database: Database, names: Collection[str]) -> ConsumerDeps:
    """Return what the operations of these consumers are given."""
    return ConsumerDeps(consumers=names, removals=PostgresRemovals(database))


@dataclass(frozen=True, kw_only=True)
class CopyDeps(WriteDeps):
    """What writes are given, the consumers by name, and the store of Events."""

    events: PostgresEvents
    consumers: Mapping[str, Consumer]
