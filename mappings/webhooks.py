"""What a vendor declares about its webhooks: how it signs them, and what one of them says about which record."""

from collections.abc import Callable
from dataclasses import dataclass
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
"""How a sender signs. It is named like the vendor, for a vendor has one; `shared-secret` is for those that sign nothing
and send a header that an administrator has filled in."""

Happened = Literal["created", "updated", "deleted", "comment_added"]


class Notice(Struct, frozen=True, kw_only=True):
    """That something happened to a record that we map.

    It is a hint and never the record: vendors send too late, twice, and in any order. What became of a record that was
    restored, merged or marked as spam shows when it is read, so that these are `updated`. `comment_id` is the vendor's
    id of the comment that was added to the ticket, where it is told.
    """

    object: ObjectName
    remote_id: str
    happened: Happened
    comment_id: str | None = None


Reading = Callable[[str | None, str | None, str | None, bytes], Notice | None]
"""From the vendor's topic, its word for the kind of record, the record's id, and the payload, to what happened. None
for a topic that no mapping of ours is concerned with. Raises nothing, whatever the payload is."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WebhookManifest:
    """The part of a vendor's manifest about webhooks: the `scheme` of their signature, and what they say.

    `notice` is not asked about anything whose signature is not proven. `changing` are the members at the top of a
    payload that differ from copy to copy of one event, such as a count of attempts.
    """

    scheme: Scheme
    notice: Reading
    changing: frozenset[str] = frozenset()


def unmapped(topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes) -> None:
    """The reading of a vendor of which we map nothing."""
