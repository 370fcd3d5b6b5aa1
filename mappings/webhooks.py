"""The webhook part of a vendor's manifest: the signature scheme, and the record that a webhook is about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from canonical.parts import ObjectName

Scheme = Literal[
    "hubspot",
    "shopify",
    "zendesk",
    "woocommerce",
    "stripe",
    "intercom",
    "github",
    "standard-webhooks",
    "shared-secret",
]
"""The signature scheme. Most have the name of their only vendor. `shared-secret` is for vendors that do not sign but
send a fixed header that an administrator configures."""

Happened = Literal["created", "updated", "deleted", "comment_added"]


class Merge(Struct, frozen=True, kw_only=True):
    """Records that the vendor merged into another one."""

    remote_ids: tuple[str, ...]
    into: str


class Part(Struct, frozen=True, kw_only=True):
    """A record that the vendor keeps apart and that belongs to another one, such as a line item. `is_gone`: it was
    deleted."""

    remote_id: str
    is_gone: bool = False


class Notice(Struct, frozen=True, kw_only=True):
    """A change of a mapped record, as a webhook reports it.

    It is only a hint: vendors send webhooks late, twice and in any order, so read the record. A record that was
    restored, merged or marked as spam is `updated`; a read shows its new state. `comment_id` and `comment_text` are the
    vendor's id and the text of the comment that was added to the ticket, if the webhook has them. `merge` is the merge
    that the webhook reports. `trashed`: a deleted record is kept for a while, and can be restored. `adds_comments`: the
    ticket may have new comments, which the webhook does not name. `part` is the part of the record that the webhook is
    about: then `remote_id` is empty, and the vendor says which record it belongs to. `changed` is the canonical field
    that changed, if the webhook is about one and may lack its value.
    """

    object: ObjectName
    remote_id: str
    happened: Happened
    comment_id: str | None = None
    comment_text: str | None = None
    merge: Merge | None = None
    trashed: bool = False
    adds_comments: bool = False
    part: Part | None = None
    changed: str | None = None


Reading = Callable[[str | None, str | None, str | None, bytes], Notice | None]
"""Takes the topic, the vendor's object type, the record's id and the payload, and returns the Notice. Returns None for
a topic that concerns no mapping. Never raises, for any payload."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WebhookManifest:
    """The webhooks of a vendor: their signature `scheme`, and how to read them.

    `notice` is called only after the signature was verified. `changing` are the top-level members of a payload that
    differ between deliveries of one event, such as the number of attempts. `exact`: the times of events and of records
    are from one clock, in milliseconds, so a record that says it changed at the time of an event shows that change.
    `account` reads from the headers (names in lower case) and the payload of one event which account sent it, as in
    `spec.Identity`. Never raises. `gone` is the status, by object, with which the vendor still returns deleted records.
    """

    scheme: Scheme
    notice: Reading
    changing: frozenset[str] = frozenset()
    exact: bool = False
    account: Callable[[Mapping[str, str], bytes], Mapping[str, str]] | None = None
    gone: Mapping[ObjectName, str] = field(default_factory=dict)


def unmapped(topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes) -> None:
    """Return None: the vendor has no mappings."""
