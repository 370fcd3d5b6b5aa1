"""The contract between the server, which stores and sends webhooks, and the vendor, which renders and signs them."""

from typing import Any, Protocol, runtime_checkable

import msgspec

from emulators.state import State

JsonRecord = dict[str, Any]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction's change of one record. `before` is None for a new one, `after` for one deleted for good. `at` is
    in Unix seconds."""

    object: str
    id: str
    before: JsonRecord | None
    after: JsonRecord | None
    at: float


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook without the parts that differ between tries: signature, time, count of tries. `topics` are the
    vendor's event names, one unless the vendor puts several events into one request. Header names are in the vendor's
    case."""

    topics: tuple[str, ...]
    headers: dict[str, str]
    body: bytes


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to deliver a message: its target, its secret, its time (Unix seconds), and the number of earlier
    tries."""

    url: str
    secret: str
    at: float
    earlier: int


class WebhookRules(msgspec.Struct, frozen=True, kw_only=True):
    """How a vendor sends: the objects with webhooks, the number of tries, and the time-out in seconds."""

    objects: tuple[str, ...]
    tries: int
    timeout: float


@runtime_checkable
class SendsWebhooks(Protocol):
    """An emulator that sends webhooks about changes."""

    @property
    def webhook_rules(self) -> WebhookRules:
        """Its way of sending."""
        ...

    def webhooks(self, changes: list[Change], state: State) -> list[Message]:
        """Return the webhooks of one transaction, in the order of its changes; empty without any."""
        ...

    def signed(self, message: Message, attempt: Try) -> Message:
        """Return the signed message, ready to be sent."""
        ...
