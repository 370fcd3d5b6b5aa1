"""Webhooks that no mapping is concerned with, handed on as they came."""

import base64
from typing import Any

import msgspec
from msgspec import Raw, Struct


class RawPayload(Struct, frozen=True, kw_only=True):
    """The data of a `webhook.received` Event."""

    type: str | None
    payload: Any


def raw_payload(topic: str | None, payload: bytes) -> bytes:
    """`{"type", "payload"}`. The payload is what was sent where that is JSON; a string where it is text in UTF-8; else
    `{"base64": …}`."""
    return msgspec.json.encode(RawPayload(type=topic, payload=_shown(payload)))


def _shown(payload: bytes) -> Any:
    try:
        msgspec.json.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass  # not JSON, or such that a subscriber could not read it either
    else:
        return Raw(payload)
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(payload).decode()}
