"""Stripe's events as hints of what changed. Stripe lists no changes of records, but its events of the last 30 days."""

from datetime import datetime
from typing import Final

from msgspec import Raw, Struct

from canonical.parts import ObjectName
from mappings.endpoints import HintPage
from mappings.http import VendorReply, VendorRequest
from mappings.kit.rest import get
from mappings.spec import decode
from mappings.stripe.requests import AFTER, MOST, following, records
from mappings.stripe.webhooks import TOPICS, notice
from mappings.webhooks import Notice

EVENTS: Final = "/v1/events"


class _Named(Struct, frozen=True, kw_only=True):
    id: str | None = None
    object: str | None = None


class _Data(Struct, frozen=True, kw_only=True):
    object: _Named = _Named()


class _Event(Struct, frozen=True, kw_only=True):
    type: str
    data: _Data = _Data()


def hints(object_name: ObjectName, since: datetime, after: str | None) -> VendorRequest:
    """Build the request for the events of an object since a time, newest first. Stripe takes up to 20 types."""
    types = tuple(("types[]", topic) for topic, (about, _) in TOPICS.items() if about == object_name)
    begin = () if after is None else ((AFTER, after),)
    return get(EVENTS, ("created[gte]", str(int(since.timestamp()))), ("limit", str(MOST)), *types, *begin)


def hinted(reply: VendorReply) -> HintPage:
    """Return the ids of the records that such events are about, each once."""
    about = [one for event in records(reply) if (one := _notice_of(event)) is not None and one.remote_id is not None]
    return HintPage(
        remote_ids=tuple(dict.fromkeys(one.remote_id for one in about)),
        created=frozenset(one.remote_id for one in about if one.happened == "created"),
        next=following(reply),
    )


def _notice_of(raw: Raw) -> Notice | None:
    event = decode(raw, _Event)
    return notice(event.type, event.data.object.object, event.data.object.id, bytes(raw))
