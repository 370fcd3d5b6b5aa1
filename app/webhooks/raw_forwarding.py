"""The Event `webhook.received`: webhooks that no mapping handles, forwarded as they were sent."""

import base64
from typing import Any

import msgspec
from msgspec import Raw, Struct

from app.events.models import NewEvent
from app.queue.finishing import Finishing
from app.vendors.models import Connection
from app.webhooks.models import ReceiptJob
from mappings.registry import objects_of


class RawPayload(Struct, frozen=True, kw_only=True):
    """The data of a `webhook.received` Event."""

    type: str | None
    payload: Any


def raw_event(work: ReceiptJob, connection: Connection | None, finishing: Finishing) -> NewEvent:
    """Return the Event of a webhook that no mapping handles. `connection` is None if it is no longer configured.

    A raw payload may show all objects of its vendor: an invoice, for example, quotes a customer.
    """
    receipt, job = work.receipt, finishing.job
    return NewEvent(
        type="webhook.received",
        data=raw_payload(receipt.topic, work.payload),
        connection=receipt.connection,
        record=job.order_key,
        shows=objects_of("" if connection is None else connection.vendor.name),
        origin=receipt.id,
        correlation_id=job.correlation_id,
        traceparent=finishing.traceparent,
        occurred_at=receipt.occurred_at,
    )


def raw_payload(topic: str | None, payload: bytes) -> bytes:
    """Return `{"type", "payload"}` as JSON. The payload is the JSON that was sent; otherwise a string if it is UTF-8
    text; otherwise `{"base64": …}`."""
    return msgspec.json.encode(RawPayload(type=topic, payload=_readable(payload)))


def _readable(payload: bytes) -> Any:
    try:
        msgspec.json.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass  # not JSON, or too deep for a subscriber to parse
    else:
        return Raw(payload)
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(payload).decode()}
