"""The contract between the frame that keeps and sends webhooks and the vendor that words and signs them."""

from typing import Any, Protocol, runtime_checkable

import msgspec

from emulators.state import State

JsonRecord = dict[str, Any]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction did to one record: `before` is None for a new one, `after` for one that is gone for good.

    `at` is in Unix seconds.
    """

    object: str
    id: str
    before: JsonRecord | None
    after: JsonRecord | None
    at: float


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook as it leaves, but for what differs from try to try: the signature, its time, a count of tries.

    `topics` are the vendor's names of what happened, one unless the vendor puts several events into one request.
    Header names are written as the vendor writes them.
    """

    topics: tuple[str, ...]
    headers: dict[str, str]
    body: bytes


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to deliver a message: where to, signed with what, when (Unix seconds), and how many came before."""

    url: str
    secret: str
    at: float
    earlier: int


class WebhookRules(msgspec.Struct, frozen=True, kw_only=True):
    """How a vendor sends: the objects whose changes it tells, how often it tries, how many seconds it waits."""

    objects: tuple[str, ...]
    tries: int
    timeout: float


@runtime_checkable
class SendsWebhooks(Protocol):
    """An emulator that sends webhooks about changes."""

    @property
    def webhook_rules(self) -> WebhookRules:
        """How it sends."""
        ...

    def webhooks(self, changes: list[Change], state: State) -> list[Message]:
        """The webhooks of one transaction, in the order of its changes; empty if none of them has a webhook."""
        ...

    def signed(self, message: Message, attempt: Try) -> Message:
        """The message with its signature, ready to be sent."""
        ...
