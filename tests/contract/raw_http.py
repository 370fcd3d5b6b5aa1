"""Bytes on a socket, for requests that no HTTP client would send."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from urllib.parse import urlsplit

import httpx

from tests.contract.answer_checks import check_answer

TIMEOUT = 15.0


def connect(url: str) -> socket.socket:
    """A connection that has sent nothing yet."""
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=TIMEOUT)


@contextmanager
def holding(url: str, count: int, request: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many connections, each of which has sent these bytes and sends no more."""
    with ExitStack() as stack:
        held = [stack.enter_context(connect(url)) for _ in range(count)]
        for connection in held:
            connection.sendall(request)
        yield held


def is_open(connection: socket.socket) -> bool:
    """Whether the other side has not ended the connection; reads what has come."""
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
    """Send these bytes and read one answer, which is held to what is promised of every answer.

    `then_close` ends our side of the connection after the last byte, as a client does that gave up in the middle.
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
    """A request line and header lines, ended by the empty line."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: lockstitch", *lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; the last one of b"" ends it."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
