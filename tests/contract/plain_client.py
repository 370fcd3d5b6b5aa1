"""An HTTP client for the many calls of the tests, which takes half the CPU of httpx's own."""

from typing import Any

import httpx
from httpx import USE_CLIENT_DEFAULT, Request, Response
from urllib3 import HTTPHeaderDict, PoolManager, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError


class PlainClient(httpx.Client):
    """Use it as an `httpx.Client`, from several threads if you like. It keeps no cookies. urllib3 sends, and reads each
    body whole. httpx itself does what that cannot: streams, TLS, redirects."""

    def __init__(self, **options: Any) -> None:
        super().__init__(verify=False, trust_env=False, **options)  # it needs no certificates and proxies
        self._connections = PoolManager(maxsize=100)

    def send(self, request: Request, *, stream: bool = False, **options: Any) -> Response:
        """Send a request, and return the answer with its body."""
        is_plain = not stream and all(option is USE_CLIENT_DEFAULT for option in options.values())
        if not is_plain or request.url.scheme != "http" or "transfer-encoding" in request.headers:
            return super().send(request, stream=stream, **options)
        if self.auth is not None:
            request = next(self.auth.sync_auth_flow(request))
        answer = self._exchange(request)
        for hook in self.event_hooks["response"]:
            hook(answer)
        return answer

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self._connections.clear()

    def _exchange(self, request: Request) -> Response:
        url, seconds = request.url, request.extensions["timeout"]
        connections = self._connections.connection_from_host(url.host, url.port)
        try:
            reply = connections.urlopen(
                request.method,
                url.raw_path.decode(),
                request.read() or None,
                HTTPHeaderDict((name.decode(), value.decode("latin-1")) for name, value in request.headers.raw),
                retries=False,
                timeout=Timeout(connect=seconds["connect"], read=seconds["read"]),
                decode_content=False,
            )
        except HTTPError as error:
            raise _as_httpx(error)(repr(error), request=request) from error
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
        return Response(reply.status, headers=headers, content=reply.data, request=request)


def _as_httpx(error: HTTPError) -> type[httpx.TransportError]:
    if isinstance(error, ReadTimeoutError):
        return httpx.ReadTimeout
    if isinstance(error, NewConnectionError):  # which is a ConnectTimeoutError too
        return httpx.ConnectError
    return httpx.ConnectTimeout if isinstance(error, ConnectTimeoutError) else httpx.ReadError
