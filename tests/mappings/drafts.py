"""What tests of mappings read of a draft or a record, and the replies that they make up."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from mappings.http import VendorReply

P = TypeVar("P")


def refused(draft: Any) -> dict[str, str]:
    """Pointer and kind of what a draft refuses."""
    return {refusal.pointer: refusal.kind for refusal in draft.refused}


def lost(mapped: Any) -> dict[str, str]:
    """Path and kind of what was lost."""
    return {loss.path: loss.kind for loss in mapped.loss}


def only(patch: Callable[..., P], name: str, value: Any) -> P:
    """A write of one field."""
    return patch(**{name: value})


def on_the_wire(body: Any) -> dict[str, Any]:
    """A drafted body as the members that the vendor would see."""
    return msgspec.json.decode(msgspec.json.encode(body))


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> VendorReply:
    """An answer of a vendor; what is not bytes is sent as JSON."""
    sent = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return VendorReply(status=status, headers={"content-type": "application/json", **(headers or {})}, body=sent)
