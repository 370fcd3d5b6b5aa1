"""Copies: the record that a write copies, what it sends after the merge, and what it leaves."""

from typing import Literal

from msgspec import Struct

from canonical.copy_base import Base, FieldState
from canonical.parts import Link, Loss, ObjectName

PausedFor = Literal["removals", "loop"]
"""Why a consumer is paused: it would have removed too much, or writes a record again and again."""


class NextJob(Struct, frozen=True, kw_only=True):
    """A job that continues a write: it is enqueued in the transaction that settles a success."""

    kind: str
    payload: bytes


class CopyPlan(Struct, frozen=True, kw_only=True):
    """What a copy sends after the merge: the `body`, with the target `before` it as digests; None if it was not read.
    `conflicts` are fields that both sides have changed, and nothing says whose value counts. `base` is the version of
    the base that was merged with. `lost` is what the target keeps although the source has changed it, and `unfollowed`
    the pointer of a state or a fixed field among that, which a consumer's operators have to know."""

    body: bytes
    base: str = ""
    before: dict[str, FieldState] | None = None
    conflicts: tuple[str, ...] = ()
    lost: tuple[Loss, ...] = ()
    unfollowed: str | None = None


class CopyOf(Struct, frozen=True, kw_only=True):
    """The record that a write copies to another connection. The copy gets its canonical id.

    `names` are the fields that are copied, also empty ones; of these the source could not supply those that are
    `missing`. `creates`: a missing record is created; else nothing is sent. `visited`: the connections that the change
    has come through or goes to directly, the record's own included. `consumer`: for whom it is, if it is a fan-out.
    `follows_logins`: a changed address becomes the login. `plan` is recorded before anything is sent.
    """

    connection: str
    remote_id: str
    canonical_id: str
    names: tuple[str, ...]
    missing: frozenset[str] = frozenset()
    creates: bool = True
    visited: tuple[str, ...] = ()
    next_job: NextJob | None = None
    consumer: str | None = None
    follows_logins: bool = False
    plan: CopyPlan | None = None

    @property
    def lost(self) -> tuple[Loss, ...]:
        """What the target keeps although the source has changed it."""
        return () if self.plan is None else self.plan.lost


class CopyConflict(Struct, frozen=True, kw_only=True):
    """The data of a `copy.conflict`: a copy, its source, and the fields that both had changed, or that the target
    cannot follow. It holds no values."""

    id: str
    object: ObjectName
    connection: str
    remote_id: str
    source: Link
    fields: tuple[str, ...]
    operation_id: str


class CopyResult(Struct, frozen=True, kw_only=True):
    """What a copy leaves: what changes of its base and of that of the opposite direction, and a conflict."""

    object: ObjectName
    source: Link
    target: Link
    base: Base
    opposite: Base
    conflict: CopyConflict | None = None
