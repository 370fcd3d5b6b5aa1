"""A proxy to a real system that loses replies: it forwards the request, then cuts the connection.

With `remembers_keys` it also replays the answer to a known `Idempotency-Key`, for a peer that lacks this feature of its
vendor.
"""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

HOP_BY_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade", "trailer"}
PATIENCE: Final = 30.0
Reply = tuple[int, list[tuple[str, str]], bytes]


class Loser:
    """The proxy at `url`. `sent_on` are the requests that reached the peer: method and path. `heard` has the whole text
    of each, after its reply; with `in_order`, writes go one after the other, so theirs is the order at the peer."""

    def __init__(self, peer: str, *, remembers_keys: bool, in_order: bool) -> None:
        address = urlsplit(peer)
        self._host, self._port = address.hostname or "", address.port or 80
        self._remembers = remembers_keys
        self._kept: dict[tuple[str, str], Reply] = {}
        self._lock = threading.Lock()
        self._turn: threading.Lock | None = threading.Lock() if in_order else None
        self._losing: list[tuple[str, str]] = []
        self._meanwhile: list[tuple[str, str, Callable[[], object]]] = []
        self.sent_on: list[tuple[str, str]] = []
        self.heard: list[str] = []
        self.url = ""

    def lose(self, method: str, path: str, times: int = 1) -> None:
        """Cut the connection instead of passing on the next so many replies to requests that begin like this."""
        with self._lock:
            self._losing += [(method, path)] * times

    def meanwhile(self, method: str, path: str, happens: Callable[[], object]) -> None:
        """Let something happen at the peer right before the next request that begins like this reaches it."""
        with self._lock:
            self._meanwhile.append((method, path, happens))

    def sent(self, method: str, path: str) -> int:
        """How many requests of this method, to exactly this path, reached the peer."""
        return self.sent_on.count((method, path))

    def answer(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Reply | None:
        """The peer's reply, or one remembered; None for one that is lost."""
        path = urlsplit(target).path
        key = next((value for name, value in headers if name.lower() == "idempotency-key"), None)
        known = (method + path, key) if self._remembers and key is not None and method == "POST" else None
        self._let_happen(method, path)
        reply = self._kept.get(known) if known is not None else None
        if reply is None:
            with self._turn if self._turn is not None and method != "GET" else nullcontext():
                reply = self._ask(method, target, headers, body)
                with self._lock:
                    self.sent_on.append((method, path))
                    self.heard.append(f"{method} {target}\n{headers}\n{body.decode('latin-1')}")
                    if known is not None and reply[0] < 400:
                        self._kept[known] = reply
        with self._lock:
            lost = next((one for one in self._losing if one[0] == method and path.startswith(one[1])), None)
            if lost is not None:
                self._losing.remove(lost)
        return None if lost is not None else reply

    def _let_happen(self, method: str, path: str) -> None:
        with self._lock:
            waiting = next((one for one in self._meanwhile if one[0] == method and path.startswith(one[1])), None)
            if waiting is not None:
                self._meanwhile.remove(waiting)
        if waiting is not None:
            waiting[2]()

    def _ask(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Reply:
        connection = HTTPConnection(self._host, self._port, timeout=PATIENCE)
        try:
            kept = {name: value for name, value in headers if name.lower() not in HOP_BY_HOP | {"host"}}
            connection.request(method, target, body=body or None, headers=kept)
            reply = connection.getresponse()
            content = reply.read()
            sent_back = [(name, value) for name, value in reply.getheaders() if name.lower() not in HOP_BY_HOP]
            return reply.status, sent_back, content
        finally:
            connection.close()


class Server(ThreadingHTTPServer):
    """A server whose callers may be killed."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def losing(peer: str, *, remembers_keys: bool = False, in_order: bool = False) -> Iterator[Loser]:
    """The proxy before the peer at this URL."""
    loser = Loser(peer, remembers_keys=remembers_keys, in_order=in_order)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def any_verb(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            reply = loser.answer(self.command, self.path, self.headers.items(), body)
            if reply is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, headers, content = reply
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            if status != 204:
                self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are quiet."""

    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{verb}", Handler.any_verb)
    server = Server(("127.0.0.1", 0), Handler)
    loser.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield loser
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)
