"""Posts to targets that somebody else named: deliveries to subscribers, callbacks of operations.

Each call looks the name up, has the egress guard judge what was found, and connects to nothing else; connections are
not kept, so that none outlives its judgement. Nothing is repeated here: the queue is patient for us.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from app import telemetry
from app.egress.guard import ClearedTarget, DnsLookup, EgressGuard, LookUp
from app.egress.models import NoAnswer, PostReply, TargetUnreachable
from app.egress.retry_after import seconds_asked
from app.egress.transport import USER_AGENT
from app.settings.egress import EgressRules
from app.telemetry.posting import Post, post_span

TOTAL_SECONDS: Final = 15.0
CONNECT_SHARE: Final = 0.5
READ_LIMIT: Final = 65_536
LINGER_SECONDS: Final = 2.0
_FAMILY: Final[dict[int, socket.AddressFamily]] = {4: socket.AF_INET, 6: socket.AF_INET6}


class TargetPoster:
    """Implements `posting_ports.Poster`. Made by `open_poster`."""

    def __init__(self, guard: EgressGuard, verify: ssl.SSLContext, *, seconds: float) -> None:
        self._guard = guard
        self._verify = verify
        self._seconds = seconds

    async def check(self, url: str) -> None:
        """See `Poster.check`."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._guard.clear(url)
        except TimeoutError:
            raise TargetUnreachable("has a host whose name is not found in time") from None

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> PostReply:
        """See `Poster.post`."""
        started = time.monotonic()
        with post_span() as post:
            try:
                async with asyncio.timeout(self._seconds) as limit:
                    clearance = await self._guard.clear(url)
                    post.directed(clearance.target.host, clearance.target.port)
                    status, asked = await self._send(clearance, post, limit, headers, body)
            except TimeoutError:
                raise NoAnswer("did not answer in time") from None
        return PostReply(
            status=status,
            retry_after=None if asked is None else seconds_asked(asked),
            seconds=time.monotonic() - started,
        )

    async def _send(
        self, clearance: ClearedTarget, post: Post, limit: asyncio.Timeout, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str | None]:
        """The status and the Retry-After. Raises TargetUnreachable, NoAnswer, TimeoutError."""
        traceparent = telemetry.current_traceparent()
        trace = {} if traceparent is None else {"traceparent": traceparent}
        try:
            async with (
                self._session(clearance) as session,
                session.post(
                    _url_of(clearance), data=body, headers={**headers, **trace}, allow_redirects=False
                ) as response,
            ):
                post.answered(response.status)
                limit.reschedule(None)  # it has answered in time, and what follows has a limit of its own
                await _read_a_little(response)
                return response.status, response.headers.get("Retry-After")
        except aiohttp.ClientConnectorError as error:
            raise TargetUnreachable(_why_not_connected(error)) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise TargetUnreachable("does not accept connections in time") from error
        except aiohttp.ClientResponseError as error:
            raise NoAnswer("answered with what is not HTTP") from error
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer("broke the connection without an answer") from error

    def _session(self, clearance: ClearedTarget) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self._verify,
                resolver=_Cleared(clearance),
                use_dns_cache=False,
                socket_factory=clearance.open_socket,
                force_close=True,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"User-Agent": USER_AGENT, "Accept": "*/*"},
            skip_auto_headers=("Accept-Encoding",),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._seconds * CONNECT_SHARE),
        )


@asynccontextmanager
async def open_poster(
    rules: EgressRules, *, seconds: float = TOTAL_SECONDS, look_up: LookUp | None = None
) -> AsyncIterator[TargetPoster]:
    """A poster that gives each call `seconds` in all, closed at the end of the block."""
    system = DnsLookup()
    try:
        yield TargetPoster(EgressGuard(rules, look_up or system), httpx.create_ssl_context(), seconds=seconds)
    finally:
        system.close()


class _Cleared(AbstractResolver):
    """Knows one name, and the addresses that were cleared for it."""

    def __init__(self, clearance: ClearedTarget) -> None:
        self._clearance = clearance

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """The addresses, whatever is asked."""
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=self._clearance.target.port,
                family=_FAMILY[address.version],
                proto=0,
                flags=0,
            )
            for address in self._clearance.addresses
        ]

    async def close(self) -> None:
        """There is nothing to close."""


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


async def _read_a_little(response: aiohttp.ClientResponse) -> None:
    """Let the target finish what it says, within limits. Its status stands, whatever becomes of the rest."""
    left = READ_LIMIT
    with suppress(aiohttp.ClientError, OSError):  # a TimeoutError is an OSError
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0 and (piece := await response.content.read(left)):
                left -= len(piece)


def _why_not_connected(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "has a certificate that is not trusted"
    if isinstance(error, aiohttp.ClientSSLError):
        return "cannot be spoken to over TLS"
    return "does not accept connections"
