"""Requests as bytes on a socket, for those that no HTTP client would send."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from urllib.parse import urlsplit

import httpx

from tests.contract.answer_checks import check_answer

TIMEOUT = 60.0


def connect(url: str) -> socket.socket:
    """Open a connection."""
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=TIMEOUT)


@contextmanager
def holding(url: str, count: int, request: bytes = b"") -> Iterator[list[socket.socket]]:
    """Hold `count` connections that have sent these bytes and send no more."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(url)) for _ in range(count)]
        for connection in connections:
            connection.sendall(request)
        yield connections


def is_open(connection: socket.socket) -> bool:
    """Whether the server has kept the connection open. Reads what has arrived."""
    connection.setblocking(False)
    try:
        while connection.recv(65_536):
            pass
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    return False


def exchange(url: str, request: bytes, *, then_close: bool = False) -> httpx.Response:
    """Send these bytes, read one answer, and check it.

    `then_close` closes the client's side after the last byte, like a client that gave up halfway.
    """
    method, target = request.split(b" ", 2)[:2]
    with connect(url) as connection:
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
    check_answer(answer)
    return answer


def head(method: str, target: str, *lines: str) -> bytes:
    """Return a request line and header lines, with the empty line."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: lockstitch", *lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Return one chunk of a chunked body. An empty chunk ends the body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
