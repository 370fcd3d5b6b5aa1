"""Send one request to a vendor, exactly once.

The transport is aiohttp behind httpx's interface (docs/decisions: outbound transport). httpx's client is not used: it
adds cookies, redirects and proxies from the environment, which must not happen here, and a third of the CPU time.
"""

import asyncio
import zlib
from typing import Final, cast
from urllib.parse import quote, urlencode

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from app.egress.tls import tls_context
from mappings.http import VendorReply, VendorRequest

CONNECT_SECONDS: Final = 5.0
# The connect timeout must end before the attempt's timeout. Only then is it certain that nothing was sent.
CONNECT_SHARE: Final = 0.8
KEEP_ALIVE_SECONDS: Final = 15.0
LONGEST_HEADER: Final = 65_536
USER_AGENT: Final = "lockstitch"
ACCEPTED_ENCODING: Final = "gzip"
GZIP: Final = 16  # added to zlib's window bits to expect a gzip header


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


class Wire:
    """The connections to all vendors, kept alive between requests."""

    def __init__(self) -> None:
        self._verify = tls_context(from_environment=False)
        self._transport = AiohttpTransport(self._verify, trust_env=False, client=self._open)

    async def close(self) -> None:
        """Close the idle connections."""
        await self._transport.aclose()

    async def exchange(
        self, base_url: str, request: VendorRequest, headers: list[tuple[str, str]], *, seconds: float, limit: int
    ) -> VendorReply:
        """Send a request and read the reply to its end. `limit` is the maximum of decoded bytes in the body.

        `seconds` bounds the whole exchange. Raises NotSent, NoReply, TooLarge.
        """
        outgoing = _Outgoing(base_url, request, headers, seconds)
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(outgoing, limit)
        except TimeoutError:
            raise NoReply("timeout") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotSent(_why_not_connected(error)) from error
        except httpx.HTTPError as error:
            raise NoReply("unreadable" if str(error) == _UNREADABLE else "reset") from error

    async def _exchange(self, outgoing: httpx.Request, limit: int) -> VendorReply:
        response = await self._transport.handle_async_request(outgoing)
        stream = cast(httpx.AsyncByteStream, response.stream)
        try:
            # Of repeated headers, the last one is kept.
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
            announced = headers.get("content-length", "")
            if announced.isdecimal() and int(announced) > limit:
                raise TooLarge
            body = _Body(headers.get("content-encoding", "identity"), limit)
            async for chunk in stream:
                body.add(chunk)
        finally:
            await stream.aclose()
        return VendorReply(status=response.status_code, headers=headers, body=body.whole())

    def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self._verify, limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS, ttl_dns_cache=60
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_send_once,),
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
        )


class _Body:
    """A body that is decoded as it arrives, never beyond `limit` bytes, which stops compression bombs."""

    def __init__(self, encoding: str, limit: int) -> None:
        """Raise NoReply for an encoding that was not requested."""
        if encoding.lower() not in ("identity", "gzip", "x-gzip"):
            raise NoReply("unreadable")
        self._inflate = None if encoding.lower() == "identity" else zlib.decompressobj(zlib.MAX_WBITS | GZIP)
        self._limit = limit
        self._bytes = bytearray()
        self._empty = True

    def add(self, chunk: bytes) -> None:
        """Decode and append a chunk. Raises TooLarge, NoReply."""
        self._empty = self._empty and not chunk
        if self._inflate is not None:
            try:
                chunk = self._inflate.decompress(chunk, self._limit - len(self._bytes) + 1)
            except zlib.error:
                raise NoReply("unreadable") from None
        self._bytes += chunk
        if len(self._bytes) > self._limit:
            raise TooLarge

    def whole(self) -> bytes:
        """Return the decoded body. Raises NoReply if its end is missing."""
        if self._inflate is not None and not self._empty and not self._inflate.eof:
            raise NoReply("unreadable")
        return bytes(self._bytes)


_UNREADABLE: Final = "the reply is not HTTP"


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep a lost reply from causing a second effect.

    Without this, aiohttp resends a PUT or DELETE when a kept-alive connection breaks, and reports a broken connection
    like one that was never made.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except aiohttp.ClientResponseError as error:
        raise aiohttp.ClientPayloadError(_UNREADABLE) from error
    except (aiohttp.ClientError, OSError) as error:
        raise aiohttp.ClientPayloadError("the connection broke") from error


def _connect_within(seconds: float) -> dict[str, float | None]:
    within = min(CONNECT_SECONDS, seconds * CONNECT_SHARE)
    return {"connect": within, "pool": within, "read": None, "write": None}


class _Outgoing(httpx.Request):
    """A request with what the transport reads of it. httpx would parse the headers three times and add some, such as
    Host, that aiohttp adds itself."""

    def __init__(self, base_url: str, request: VendorRequest, headers: list[tuple[str, str]], seconds: float) -> None:
        self.method = request.method
        self.url = _Address(base_url, request)
        self.headers = cast(httpx.Headers, headers)  # aiohttp takes pairs
        self.extensions = {"timeout": _connect_within(seconds)}
        self._content = request.body or b""


class _Address(httpx.URL):
    """The URL of a request as a text. The transport wants no more, and httpx takes longer to parse a list of 40
    properties, character by character, than aiohttp to send it."""

    def __init__(self, base_url: str, request: VendorRequest) -> None:
        query = f"?{urlencode(request.query, quote_via=quote)}" if request.query else ""
        self._text = f"{base_url}{request.path}{query}"

    def __str__(self) -> str:
        return self._text


def _why_not_connected(error: Exception) -> str:
    cause = error.__cause__
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        return "connect timeout"
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return "name not found"
    if isinstance(cause, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return "TLS failed"
    return "connection refused"
