"""A person who is sent alarms."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from tests.contract.waiting import until

MINUTE: Final = 60.0
"""How soon after the first occurrence an alarm comes, and after the end its end."""


class Person:
    """The receiver of alarms: the posted messages, and the number of heartbeats."""

    def __init__(self) -> None:
        self.alarms: list[dict[str, Any]] = []
        self.signs: list[float] = []
        person = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                person.alarms.append(json.loads(body))
                self._answer()

            def do_GET(self) -> None:
                person.signs.append(time.monotonic())
                self._answer()

            def _answer(self) -> None:
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing to say."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def states(self, alarm: str) -> list[str]:
        return [one["state"] for one in self.alarms if one["alarm"] == alarm]

    def is_told(self, alarm: str, *, since: int = 0) -> dict[str, Any]:
        """Wait, at most a minute, for the first message of an alarm, and return it; without so many before it."""
        return until(lambda: [one for one in self.alarms if one["alarm"] == alarm][since:], timeout=MINUTE)[0]

    def is_told_the_end(self, alarm: str) -> None:
        """Wait, at most a minute, until an alarm is over."""
        until(lambda: self.states(alarm), lambda states: states[-1:] == ["over"], timeout=MINUTE)
