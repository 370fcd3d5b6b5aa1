"""What sends a request to a vendor exactly once, and its errors. Importing it imports no HTTP client."""

from typing import Final, Protocol

from mappings.http import VendorReply, VendorRequest

USER_AGENT: Final = "lockstitch"
ACCEPTED_ENCODING: Final = "gzip"


class NotSent(Exception):
    """No connection was made, so the vendor received nothing."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class NoReply(Exception):
    """The request was sent, in part or whole, and no usable reply arrived."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class TooLarge(NoReply):
    """The reply is larger than the limit."""

    def __init__(self) -> None:
        super().__init__("too large")


class RequestSender(Protocol):
    """Sends requests: `transport.Wire`, or nothing."""

    async def exchange(
        self, base_url: str, request: VendorRequest, headers: list[tuple[str, str]], *, seconds: float, limit: int
    ) -> VendorReply:
        """Send a request and read the reply to its end. `limit` is the maximum of decoded bytes in the body.

        `seconds` bounds the whole exchange. Raises NotSent, NoReply, TooLarge.
        """
        ...

    async def close(self) -> None:
        """Close the idle connections."""
        ...


class SendsNothing:
    """For commands that only look."""

    async def exchange(
        self, base_url: str, request: VendorRequest, headers: list[tuple[str, str]], *, seconds: float, limit: int
    ) -> VendorReply:
        """Raise NotSent."""
        raise NotSent("this command sends nothing")

    async def close(self) -> None:
        """Do nothing."""
