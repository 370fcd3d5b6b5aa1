"""A HubSpot on a socket, whose accounts a test opens with tokens of its own."""

import json
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Any]
EMPTY: Reply = (200, {"results": []})
REFUSED: Reply = (401, {"category": "INVALID_AUTHENTICATION", "message": "no"})


class Portal:
    """Answers every call with an empty list, and the one for the account with the portal that the token names: `111.2`
    opens portal 111, a word portal 1.

    `answers` replaces this by a part of the path, and `refused` are tokens that it does not accept. Its clock is
    `ahead` of ours. Lists of contacts wait at a `barrier`. `calls` holds each token with its method and path.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Reply] = {}
        self.refused: set[str] = set()
        self.ahead = timedelta()
        self.barrier: threading.Barrier | None = None
        self.calls: list[tuple[str, str]] = []
        portal = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                token = self.headers.get("authorization", "").removeprefix("Bearer ")
                path = self.path.partition("?")[0]
                portal.calls.append((token, f"{self.command} {path}"))
                self.rfile.read(int(self.headers.get("content-length", "0")))
                status, body = portal._reply(token, path)
                sent = json.dumps(body).encode()
                self.send_response_only(status)
                self.send_header("date", format_datetime(datetime.now(UTC) + portal.ahead, usegmt=True))
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *args: object) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _reply(self, token: str, path: str) -> Reply:
        if token in self.refused:
            return REFUSED
        if self.barrier is not None and path.endswith("contacts"):
            self.barrier.wait()
        for part, reply in self.answers.items():
            if part in path:
                return reply
        number = token.partition(".")[0]
        return (200, {"portalId": int(number) if number.isdigit() else 1}) if "account-info" in path else EMPTY
