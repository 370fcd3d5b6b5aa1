"""Dependencies of copies and fan-out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from app.copies.consumers import Consumer
from app.copies.store import PostgresCopiedComments
from app.writes.deps import WriteDeps
from app.writes.store.removals import PostgresRemovals


@dataclass(frozen=True, kw_only=True)
class ConsumerDeps:
    """The names of all consumers, and the store of what they remove."""

    consumers: Collection[str]
    removals: PostgresRemovals


@dataclass(frozen=True, kw_only=True)
class CopyDeps(WriteDeps):
    """What writes are given, the comments that are copied, and the consumers by name."""

    copied_comments: PostgresCopiedComments
    consumers: Mapping[str, Consumer]
