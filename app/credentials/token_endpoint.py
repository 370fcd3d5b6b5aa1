"""Send one request to a vendor's token endpoint, exactly once, and read its reply."""

from collections.abc import Callable
from functools import partial

from msgspec import Struct

from app.egress.exchange import ACCEPTED_ENCODING, USER_AGENT, NoReply, NotSent, RequestSender
from app.egress.retry_after import seconds_asked
from app.telemetry import vendor_span
from mappings.http import VendorReply, VendorRequest
from mappings.tokens import Issued, TokenRefusal, flaw_of, refused


class EndpointFailure(Struct, frozen=True, kw_only=True):
    """No tokens were issued. `maybe_used`: the vendor may have used up what was sent. `why` holds no part of a secret.
    `status` is that of an answer. `retry_after` is in seconds; only a throttle has one."""

    why: str
    status: int | None = None
    maybe_used: bool
    refusal: TokenRefusal | None = None
    retry_after: float | None = None


class TokenEndpoint(Struct, frozen=True, kw_only=True):
    """Where the tokens of a connection come from. `seconds` bounds an exchange, `limit` the bytes of a reply."""

    wire: RequestSender
    connection: str
    vendor: str
    base_url: str
    seconds: float
    limit: int = 256 * 1024

    async def ask(
        self, request: VendorRequest, read: Callable[[VendorReply], Issued | None]
    ) -> Issued | EndpointFailure:
        """Return what the vendor issued."""
        headers = {"Accept": "application/json", "Accept-Encoding": ACCEPTED_ENCODING, "User-Agent": USER_AGENT}
        headers |= {"Content-Type": request.content_type, **dict(request.headers)}
        with vendor_span(
            connection=self.connection,
            vendor=self.vendor,
            method=request.method,
            route=request.route,
            base_url=self.base_url,
            resend_count=0,
        ) as call:
            try:
                reply = await self.wire.exchange(
                    self.base_url, request, list(headers.items()), seconds=self.seconds, limit=self.limit
                )
            except NotSent as error:
                outcome: Issued | EndpointFailure = EndpointFailure(why=error.why, maybe_used=False)
            except NoReply as error:
                outcome = EndpointFailure(why=error.why, maybe_used=True)
            else:
                call.answered(reply.status, None)
                outcome = _judged(reply, read)
            if isinstance(outcome, EndpointFailure):
                call.failed(outcome.refusal.code if outcome.refusal is not None else outcome.why)
        return outcome


def _judged(reply: VendorReply, read: Callable[[VendorReply], Issued | None]) -> Issued | EndpointFailure:
    status = reply.status
    if 200 <= status < 300:
        tokens = read(reply)
        flaw = "unreadable" if tokens is None else flaw_of(tokens)
        if tokens is None or flaw is not None:
            return EndpointFailure(why=flaw or "", status=status, maybe_used=True)
        return tokens
    failure = partial(EndpointFailure, why=f"status {status}", status=status)
    if status == 429:
        return failure(maybe_used=False, retry_after=seconds_asked(reply.headers.get("retry-after", "")) or 1.0)
    if 400 <= status < 500 and status != 408:
        return failure(maybe_used=False, refusal=refused(reply))
    return failure(maybe_used=True)
