"""Dependencies of copies and fan-out."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.copies.consumers import Consumer
from app.copies.store import PostgresCopiedComments
from app.writes.deps import WriteDeps


@dataclass(frozen=True, kw_only=True)
class CopyDeps(WriteDeps):
    """What writes are given, the comments that are copied, and the consumers by name."""

    copied_comments: PostgresCopiedComments
    consumers: Mapping[str, Consumer]
