"""Posting to URLs that callers name: the protocol, its result and its errors."""

from msgspec import Struct


class PostReply(Struct, frozen=True, kw_only=True):
    """The target's answer, without its body, which may contain personal data.

    `retry_after` is the target's Retry-After in seconds. `seconds` is the duration of the request.
    """

    status: int
    retry_after: float | None
    seconds: float


class NotPosted(Exception):
    """There was no answer. `why` ends a sentence ("the target …") and contains no personal data."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class TargetRefused(NotPosted):
    """The egress guard refuses the target. Nothing was sent."""


class TargetUnreachable(NotPosted):
    """The name was not found, or no connection was made. Nothing was sent."""


class NoAnswer(NotPosted):
    """The request was sent, in part or whole, and no answer arrived in time."""
