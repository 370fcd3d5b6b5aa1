"""Bytes on a socket, for requests that no HTTP client would send."""

import socket
from http.client import HTTPResponse
from urllib.parse import urlsplit

import httpx

from tests.contract.promises import check_promises

PATIENCE = 15.0


def exchange(url: str, request: bytes, *, then_close: bool = False) -> httpx.Response:
    """Send these bytes and read one answer, which is held to what is promised of every answer.

    `then_close` ends our side of the connection after the last byte, as a client does that gave up in the middle.
    """
    address = urlsplit(url)
    method, target = request.split(b" ", 2)[:2]
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        if then_close:
            connection.shutdown(socket.SHUT_WR)
        read = HTTPResponse(connection, method=method.decode())
        read.begin()
        answer = httpx.Response(
            read.status,
            headers=read.getheaders(),
            content=read.read(),
            request=httpx.Request(method.decode(), url + target.decode("latin-1")),
        )
    check_promises(answer)
    return answer


def head(method: str, target: str, *lines: str) -> bytes:
    """A request line and header lines, ended by the empty line."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: lockstitch", *lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; the last one of b"" ends it."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
