"""Dependencies of copies."""

from dataclasses import dataclass

from app.copies.store import PostgresCopiedComments
from app.writes.deps import WriteDeps


@dataclass(frozen=True, kw_only=True)
class CopyDeps(WriteDeps):
    """What writes are given, and the comments that are copied."""

    copied_comments: PostgresCopiedComments
