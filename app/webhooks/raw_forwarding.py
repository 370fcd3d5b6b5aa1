"""The data of `webhook.received`: webhooks that no mapping handles, forwarded as they were sent."""

import base64
from typing import Any

import msgspec
from msgspec import Raw, Struct


class RawPayload(Struct, frozen=True, kw_only=True):
    """The data of a `webhook.received` Event."""

    type: str | None
    payload: Any


def raw_payload(topic: str | None, payload: bytes) -> bytes:
    """Return `{"type", "payload"}` as JSON. The payload is the JSON that was sent; otherwise a string if it is UTF-8
    text; otherwise `{"base64": …}`."""
    return msgspec.json.encode(RawPayload(type=topic, payload=_shown(payload)))


def _shown(payload: bytes) -> Any:
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
