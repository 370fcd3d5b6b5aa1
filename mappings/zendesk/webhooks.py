"""Zendesk's event webhooks: `zen:event-type:ticket.*` and `zen:event-type:user.*`.

Names and members are documented at developer.zendesk.com, "Webhook event types". Webhooks of triggers and automations
have a body that an administrator wrote, and no topic. They are not notices.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from canonical.parts import ObjectName
from mappings.endpoints import NUMBER
from mappings.webhooks import (
    BODY,
    Envelope,
    Happened,
    Merge,
    Notice,
    Scheme,
    Signature,
    WebhookManifest,
    header,
    member,
)
from mappings.zendesk.wire_webhook import TYPE

OBJECTS: Final[dict[str, ObjectName]] = {"ticket": "ticket", "user": "customer"}
# Every other event is an update: there are dozens of names, and more with each release.
HAPPENED: Final[dict[str, Happened]] = {
    "created": "created",
    "deleted": "deleted",
    "soft_deleted": "deleted",
    "permanently_deleted": "deleted",
}
CHANGED: Final[dict[str, str]] = {
    "user.name_changed": "display_name",
    "user.notes_changed": "notes",
    "user.active_changed": "status",
    "user.suspended_changed": "status",
    "user.tags_changed": "tags",
    "user.time_zone_changed": "timezone",
    "user.custom_field_changed": "custom_fields",
    "user.organization_membership_created": "company_name",
    "user.organization_membership_deleted": "company_name",
    "user.identity_created": "phones",
    "user.identity_changed": "phones",
    "user.identity_deleted": "phones",
    "ticket.custom_field_changed": "custom_fields",
    "ticket.task_due_at_changed": "due_at",
    "ticket.followers_changed": "followers",
    "ticket.problem_link_changed": "parent",
}
"""The canonical fields of events whose `detail` lacks the value."""
COMMENT_ADDED: Final = "comment_added"
MERGED: Final = "merged"
_ID: Final = re.compile(NUMBER)


class _Comment(Struct, frozen=True, kw_only=True):
    id: int | str | None = None
    body: str | None = None


class _Change(Struct, frozen=True, kw_only=True):
    comment: _Comment = _Comment()
    target_ticket_id: int | str | None = None


class _Sender(Struct, frozen=True, kw_only=True):
    account_id: int | str | None = None


class _Event(Struct, frozen=True, kw_only=True):
    event: _Change = _Change()


def notice(topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes) -> Notice | None:
    """Return what one webhook reports, None if no mapping concerns it."""
    kind, _, what = (topic or "").removeprefix(TYPE).partition(".")
    object_name = OBJECTS.get(kind)
    if object_name is None or not what or remote_object != kind:
        return None
    if remote_id is None or not _ID.fullmatch(remote_id):
        return None
    if object_name == "ticket" and what == COMMENT_ADDED:
        comment = _change(payload).comment
        return Notice(
            object="ticket",
            remote_id=remote_id,
            happened="comment_added",
            comment_id=_id(comment.id),
            comment_text=comment.body,
        )
    into = _id(_change(payload).target_ticket_id) if (object_name, what) == ("ticket", MERGED) else None
    merge = None if into in (None, remote_id) else Merge(remote_ids=(remote_id,), into=into)
    return Notice(
        object=object_name,
        remote_id=remote_id,
        happened=HAPPENED.get(what, "updated"),
        merge=merge,
        trashed=what == "soft_deleted",
        changed=CHANGED.get(f"{kind}.{what}"),
    )


def _change(payload: bytes) -> _Change:
    try:
        return msgspec.json.decode(payload, type=_Event).event
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _Change()


def _id(sent: int | str | None) -> str | None:
    return str(sent) if sent is not None and _ID.fullmatch(str(sent)) else None


def _account(_headers: Mapping[str, str], payload: bytes) -> Mapping[str, str]:
    try:
        account_id = msgspec.json.decode(payload, type=_Sender).account_id
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    return {} if account_id is None else {"account": str(account_id)}


SCHEME: Final = Scheme(
    name="zendesk",
    # The key is the signing secret as text. The body may be empty. Zendesk prescribes no tolerance.
    signature=Signature(
        header="x-zendesk-webhook-signature",
        time="x-zendesk-webhook-signature-timestamp",
        clock="rfc3339",
        signed=("time", "body"),
    ),
    envelope=Envelope(
        # The author of a trigger or automation writes the body freely.
        genuine=member("type", rf"{TYPE}[a-z_]+\..+"),
        identity=((header("x-zendesk-webhook-id"),), (header("x-zendesk-webhook-invocation-id"), member("id"), BODY)),
        topic=member("type"),
        records=(
            (member("subject", "zen:([a-z_]+):.+"), member("subject", "zen:[a-z_]+:(.+)")),
            (member("type", rf"{TYPE}([a-z_]+)\..+"), member("detail.id")),
        ),
        time=member("time"),
    ),
)
# A user who is not active is one who was deleted: `user.active_changed` reports that as well as `user.deleted`.
WEBHOOKS: Final = WebhookManifest(scheme=SCHEME, notice=notice, account=_account, gone={"customer": "archived"})
