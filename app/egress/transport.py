"""Send one request to a vendor, exactly once.

The transport is aiohttp behind httpx's interface (docs/decisions: outbound transport). httpx's client is not used: it
adds cookies, redirects and proxies from the environment, which must not happen here, and a third of the CPU time.
"""

import asyncio
import zlib
from functools import lru_cache
from typing import Final, cast
from urllib.parse import quote, urlencode

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from app.egress.exchange import NoReply, NotSent, TooLarge
from app.egress.tls import tls_context
from mappings.http import VendorReply, VendorRequest

CONNECT_SECONDS: Final = 5.0
# The connect timeout must end before the attempt's timeout. Only then is it certain that nothing was sent.
CONNECT_SHARE: Final = 0.8
KEEP_ALIVE_SECONDS: Final = 15.0
LONGEST_HEADER: Final = 65_536
GZIP: Final = 16  # added to zlib's window bits to expect a gzip header


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
            body = await _read(stream, headers.get("content-encoding", "identity").lower(), limit)
        finally:
            await stream.aclose()
        return VendorReply(status=response.status_code, headers=headers, body=body)

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


async def _read(stream: httpx.AsyncByteStream, encoding: str, limit: int) -> bytes:
    """Return a body, decoded as it arrives. It is never longer than `limit` bytes, which stops compression bombs.

    Raises TooLarge, and NoReply for an encoding that was not requested or a body without its end.
    """
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise NoReply("unreadable")
    inflate = None if encoding == "identity" else zlib.decompressobj(zlib.MAX_WBITS | GZIP)
    body, is_empty = bytearray(), True
    async for chunk in stream:
        is_empty = is_empty and not chunk
        try:
            body += chunk if inflate is None else inflate.decompress(chunk, limit - len(body) + 1)
        except zlib.error:
            raise NoReply("unreadable") from None
        if len(body) > limit:
            raise TooLarge
    if inflate is not None and not is_empty and not inflate.eof:
        raise NoReply("unreadable")
    return bytes(body)


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


class _Outgoing(httpx.Request):
    """A request with what the transport reads of it. httpx would parse the headers three times and add some, such as
    Host, that aiohttp adds itself."""

    def __init__(self, base_url: str, request: VendorRequest, headers: list[tuple[str, str]], seconds: float) -> None:
        self.method = request.method
        self.url = _Address(base_url, request)
        self.headers = cast(httpx.Headers, headers)  # aiohttp takes pairs
        connect = min(CONNECT_SECONDS, seconds * CONNECT_SHARE)
        self.extensions = {"timeout": {"connect": connect, "pool": connect, "read": None, "write": None}}
        self._content = request.body or b""


class _Address(httpx.URL):
    """The URL of a request as a text. The transport wants no more, and httpx takes longer to parse a list of 40
    properties, character by character, than aiohttp to send it."""

    def __init__(self, base_url: str, request: VendorRequest) -> None:
        query = f"?{_encoded(request.query)}" if request.query else ""
        self._text = f"{base_url}{request.path}{query}"

    def __str__(self) -> str:
        return self._text


@lru_cache(maxsize=64)
def _encoded(query: tuple[tuple[str, str], ...]) -> str:
    """Return a query as it is sent. All reads of an object have the same one, whose 40 names take long to quote."""
    return urlencode(query, quote_via=quote)


def _why_not_connected(error: Exception) -> str:
    cause = error.__cause__
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        return "connect timeout"
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return "name not found"
    if isinstance(cause, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return "TLS failed"
    return "connection refused"
