"""Post to targets that callers name: deliveries to subscribers, callbacks of operations.

Each call looks up the name, lets the egress guard check the addresses, and uses only connections to those. There are no
retries here; the queue retries. Only a post over a kept connection that the target closes without an answer, as servers
do with idle ones, is sent again at once, over a new connection.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

import aiohttp
from yarl import URL

from app import telemetry
from app.egress.guard import ClearedTarget, DnsLookup, EgressGuard, LookUp
from app.egress.kept_connections import KeptConnections
from app.egress.retry_after import seconds_asked
from app.egress.rules import EgressRules
from app.egress.targets import NoAnswer, PostReply, TargetUnreachable
from app.egress.tls import tls_context
from app.telemetry.posting import Post, post_span

TOTAL_SECONDS: Final = 15.0
CONNECT_SHARE: Final = 0.5
READ_LIMIT: Final = 65_536
LINGER_SECONDS: Final = 2.0


class TargetPoster:
    """Implements `Poster`. Create it with `open_poster`."""

    def __init__(self, guard: EgressGuard, connections: KeptConnections, *, seconds: float) -> None:
        self._guard = guard
        self._connections = connections
        self._seconds = seconds

    async def check(self, url: str) -> None:
        """Implement `Poster.check`."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._guard.clear(url)
        except TimeoutError:
            raise TargetUnreachable("has a host name that was not found in time") from None

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> PostReply:
        """Implement `Poster.post`."""
        started = time.monotonic()
        with post_span() as post:
            try:
                async with asyncio.timeout(self._seconds) as limit:
                    clearance = await self._guard.clear(url)
                    target = clearance.target
                    post.directed(target.scheme, target.host, target.port)
                    status, pause = await self._send(clearance, post, limit, headers, body)
            except TimeoutError:
                raise NoAnswer("did not answer in time") from None
        return PostReply(
            status=status,
            retry_after=None if pause is None else seconds_asked(pause),
            seconds=time.monotonic() - started,
        )

    async def _send(
        self, clearance: ClearedTarget, post: Post, limit: asyncio.Timeout, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str | None]:
        """Send and return the status and the Retry-After. Raises TargetUnreachable, NoAnswer, TimeoutError."""
        traceparent = telemetry.current_traceparent()
        trace = {} if traceparent is None else {"traceparent": traceparent}

        async def exchange(session: aiohttp.ClientSession) -> tuple[int, str | None]:
            async with session.post(
                _url_of(clearance),
                data=body,
                headers={**headers, **trace},
                allow_redirects=False,
            ) as response:
                post.answered(response.status)
                limit.reschedule(None)  # the target answered in time; the rest has its own limit
                await _drain(response)
                return response.status, response.headers.get("Retry-After")

        try:
            async with self._connections.kept(clearance) as (session, use):
                try:
                    return await exchange(session)
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                    if use.dialled:
                        raise
            async with self._connections.fresh(clearance) as session:
                return await exchange(session)
        except aiohttp.ClientConnectorError as error:
            raise TargetUnreachable(_why_not_connected(error)) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise TargetUnreachable("does not accept connections in time") from error
        except aiohttp.ClientResponseError as error:
            raise NoAnswer("sent an answer that is not HTTP") from error
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer("broke the connection without an answer") from error


@asynccontextmanager
async def open_poster(
    rules: EgressRules,
    *,
    seconds: float = TOTAL_SECONDS,
    look_up: LookUp | None = None,
) -> AsyncIterator[TargetPoster]:
    """Open a poster that gives each call `seconds` in total. Closed at the end of the block."""
    system = DnsLookup()
    verify = tls_context(from_environment=True)
    connections = KeptConnections(verify, connect_seconds=seconds * CONNECT_SHARE)
    try:
        yield TargetPoster(EgressGuard(rules, look_up or system), connections, seconds=seconds)
    finally:
        await connections.close()
        system.close()


def _url_of(clearance: ClearedTarget) -> URL:
    target = clearance.target
    return URL.build(
        scheme=target.scheme,
        host=target.host,
        port=target.port,
        path=target.path,
        query_string=target.query,
        encoded=True,
    )


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Let the target finish its response, up to `READ_LIMIT` and `LINGER_SECONDS`. Errors do not change the result."""
    left = READ_LIMIT
    with suppress(aiohttp.ClientError, OSError):  # a TimeoutError is an OSError
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0 and (piece := await response.content.read(left)):
                left -= len(piece)


def _why_not_connected(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "has a certificate that is not trusted"
    if isinstance(error, aiohttp.ClientSSLError):
        return "failed the TLS handshake"
    return "does not accept connections"
