"""What is known of the approval of an operation: what was requested, and who decided what."""

from datetime import datetime
from typing import Any, Final, Literal

from msgspec import UNSET, Struct, UnsetType

from canonical.parts import Loss
from mappings.endpoints import Action

APPROVES: Final = "approvals:write"
"""The scope that approves and rejects writes."""

ApprovalState = Literal["waiting", "approved", "rejected", "expired"]


class ApprovalDecision(Struct, frozen=True, kw_only=True):
    """Who decided, by principal and name of the key, when, and what they noted."""

    principal: str
    by: str
    at: datetime
    note: str | None


class ApprovalDetails(Struct, frozen=True, kw_only=True):
    """The name of the key that wants the write, and what the write would have been when it was judged: its verb, its
    record, and what it loses. Encrypted at rest."""

    requested_by: str
    effect: Action
    remote_id: str | None
    loss: tuple[Loss, ...] = ()
    decision: ApprovalDecision | None = None


class Approval(Struct, frozen=True, kw_only=True):
    """The approval of an operation. Without a decision it ends at `expires_at`."""

    state: ApprovalState
    expires_at: datetime
    details: ApprovalDetails


class ApprovalView(Struct, frozen=True, kw_only=True):
    """The approval of a write, as callers see it: what would be written, and what was decided."""

    state: ApprovalState
    """Whether somebody has decided. Example: `"waiting"`"""
    requested_by: str
    """The name of the key that wants the write. Example: `"agent"`"""
    expires_at: datetime
    """When it ends without a decision. Example: `"2026-05-08T09:30:00Z"`"""
    effect: Action
    """The verb that the write would have had when it was judged; an upsert is a create or an update by then.
    Example: `"update"`"""
    remote_id: str | None
    """The record that it would change; null for a new one. Example: `"1051"`"""
    fields: tuple[str, ...]
    """The fields that it would write. Example: `["emails", "last_name"]`"""
    values: Any | UnsetType = UNSET
    """The body, as the caller sent it; of a copy, the values of its source. Only for keys that sent it, may approve it,
    or may read the object; of a copy only for the last. Example: `{"last_name": "Bell"}`"""
    loss: tuple[Loss, ...] = ()
    """What the vendor could not store as it was sent."""
    decided_by: str | UnsetType = UNSET
    """The name of the key that decided. Example: `"desk"`"""
    decided_at: datetime | UnsetType = UNSET
    """When it decided. Example: `"2026-05-01T10:00:00Z"`"""
    note: str | UnsetType = UNSET
    """What it noted. Example: `"Agreed with Ann by phone."`"""
