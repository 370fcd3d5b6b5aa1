"""What stands in front of n8n and behind it: a door that delivers twice or loses an answer, and a chat."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

PATIENCE_S = 60
HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive", "content-encoding"}


class Door:
    """Every webhook of n8n comes through one, and the calls of `error--open-ticket` through another. `copies` is how
    often each is delivered, at the same time; the next `losing` answers are replaced by 504, after the work is done.
    Requests to `shut`, a path, wait until it is open again, and are lost."""

    def __init__(self, behind: str) -> None:
        """`behind` is where the requests go."""
        self.url = ""
        self.copies = 1
        self.losing = 0
        self.shut: str | None = None
        self.waiting = 0
        self._behind = behind
        self._lock = threading.Lock()

    def passed(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response | None:
        """The answer to the request, or None if it is lost or no one listens."""
        if path.partition("?")[0] == self.shut:
            self.waiting += 1
            while self.shut:
                time.sleep(0.1)
            return None
        with ThreadPoolExecutor() as pool:
            sent = [pool.submit(self._send, method, path, headers, body) for _ in range(self.copies)]
        answers = [one.result() for one in sent]
        with self._lock:
            if self.losing > 0:
                self.losing -= 1
                return None
        return answers[0]

    def _send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response | None:
        try:
            return httpx.request(method, f"{self._behind}{path}", headers=headers, content=body, timeout=PATIENCE_S)
        except httpx.TransportError:
            return None


class Chat:
    """A chat with an incoming webhook at `url`. `texts` are those that it took."""

    def __init__(self) -> None:
        """Nothing was posted yet."""
        self.url = ""
        self.texts: list[str] = []
        self._refusing: list[str] = []
        self._lock = threading.Lock()

    def refuse(self, text: str) -> None:
        """Refuse this text the next time."""
        self._refusing.append(text)

    def take(self, body: bytes) -> bool:
        """Take a message, or return False if it is refused."""
        with self._lock:
            text = json.loads(body)["text"]
            if text in self._refusing:
                self._refusing.remove(text)
                return False
            self.texts.append(text)
            return True


@contextmanager
def door_to(behind: str, port: int) -> Iterator[Door]:
    """Listen on this port for as long as the block."""
    door = Door(behind)

    class Handler(_Quiet):
        def _answer(self) -> None:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            answer = door.passed(self.command, self.path, headers, self.body())
            if answer is None:
                self.say(504, b"{}", {"content-type": "application/json"})
                return
            kept = {name: value for name, value in answer.headers.items() if name not in HOP_BY_HOP}
            self.say(answer.status_code, answer.content, kept)

        do_GET = do_HEAD = do_POST = do_DELETE = do_PUT = _answer  # noqa: N815 (names of http.server)

    with _listening(Handler, port) as door.url:
        yield door


@contextmanager
def chat_room() -> Iterator[Chat]:
    """Listen on a free port for as long as the block."""
    chat = Chat()

    class Handler(_Quiet):
        def do_POST(self) -> None:
            took = chat.take(self.body())
            self.say(200 if took else 500, b"ok" if took else b"no", {"content-type": "text/plain"})

    with _listening(Handler, 0) as chat.url:
        yield chat


class _Quiet(BaseHTTPRequestHandler):
    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def say(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        with suppress(BrokenPipeError):  # the caller did not wait for it
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextmanager
def _listening(handler: type[BaseHTTPRequestHandler], port: int) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
