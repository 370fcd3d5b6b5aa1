"""An HTTP client for the many calls of the tests, at a third of the CPU of httpx's own.

It sends through `http.client`, and reads each body whole. What it cannot do, httpx does: streams, TLS, redirects.
"""

import select
from collections import defaultdict
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import Any

import httpx
from httpx import USE_CLIENT_DEFAULT, Request, Response


class PlainClient(httpx.Client):
    """Use it as an `httpx.Client`, from several threads if you like. It keeps no cookies."""

    def __init__(self, **options: Any) -> None:
        super().__init__(verify=False, trust_env=False, **options)  # it needs no certificates and proxies
        self._unused = defaultdict[tuple[str, int], list[HTTPConnection]](list)

    def send(self, request: Request, *, stream: bool = False, **options: Any) -> Response:
        """Send a request, and return the answer with its body."""
        is_plain = not stream and all(option is USE_CLIENT_DEFAULT for option in options.values())
        if not is_plain or request.url.scheme != "http" or "transfer-encoding" in request.headers:
            return super().send(request, stream=stream, **options)
        if self.auth is not None:
            request = next(self.auth.sync_auth_flow(request))
        answer = self._exchange(request)
        answer.request = request
        for hook in self.event_hooks["response"]:
            hook(answer)
        return answer

    def close(self) -> None:
        """Close the connections."""
        super().close()
        for connections in self._unused.values():
            for connection in connections:
                connection.close()
        self._unused.clear()

    def _exchange(self, request: Request) -> Response:
        url = request.url
        timeout = request.extensions["timeout"]["read"]
        connection = self._connected(request, (url.host, url.port or 80), timeout)
        try:
            connection.putrequest(request.method, url.raw_path.decode(), skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.raw:
                connection.putheader(name, value)
            with suppress(BrokenPipeError, ConnectionResetError):  # a refusal may arrive before the body has been sent
                connection.endheaders(request.read() or None)
            reply = connection.getresponse()
            body = reply.read()
        except BaseException as error:
            connection.close()
            if isinstance(error, TimeoutError):
                raise httpx.ReadTimeout(str(error), request=request) from error
            if isinstance(error, OSError | HTTPException):
                raise httpx.ReadError(repr(error), request=request) from error
            raise
        if reply.will_close:
            connection.close()
        else:
            self._unused[url.host, url.port or 80].append(connection)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.getheaders()]
        return Response(reply.status, headers=headers, content=body)

    def _connected(self, request: Request, address: tuple[str, int], timeout: float | None) -> HTTPConnection:
        """Return a connection that the server has not closed."""
        unused = self._unused[address]
        while unused:
            connection = unused.pop()
            if not _is_readable(connection):
                connection.sock.settimeout(timeout)
                return connection
            connection.close()
        connection = HTTPConnection(*address, timeout=timeout)
        try:
            connection.connect()
        except TimeoutError as error:
            raise httpx.ConnectTimeout(str(error), request=request) from error
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        return connection


def _is_readable(connection: HTTPConnection) -> bool:
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
