"""Sending to a URL that somebody else named: the Protocol, and what can become of it. `app/outbound/` implements it."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct


class PostReply(Struct, frozen=True, kw_only=True):
    """What the target answered. Its body is not kept: it may hold anything, personal data too.

    `retry_after` are the seconds that it asks us to wait, where it does; `seconds` is how long it took.
    """

    status: int
    retry_after: float | None
    seconds: float


class NotPosted(Exception):
    """There is no answer. `why` is a few words without personal data, the end of a sentence about the target."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class TargetRefused(NotPosted):
    """The egress guard does not let us send there: nothing was sent."""


class TargetUnreachable(NotPosted):
    """The name was not found, or there was no connection: nothing was sent."""


class NoAnswer(NotPosted):
    """It was sent, in part or whole, and no answer came: in time, or at all."""


class Poster(Protocol):
    """Posts to targets under the rules of egress."""

    async def check(self, url: str) -> None:
        """Whether `post` would send there now. Raises TargetRefused, and TargetUnreachable for an unknown name."""

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> PostReply:
        """POST once, with a `traceparent` of its own; a redirect is an answer like another.

        Raises TargetRefused, TargetUnreachable, NoAnswer.
        """
