"""A HubSpot on a socket, whose accounts a test opens with tokens of its own."""

import json
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.http_server import LocalServer, Request
from tests.http_server import Reply as HttpReply

Reply = tuple[int, Any]
EMPTY: Reply = (200, {"results": []})
REFUSED: Reply = (401, {"category": "INVALID_AUTHENTICATION", "message": "no"})


class Portal(LocalServer):
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
        super().__init__(self._answer)

    def _answer(self, request: Request) -> HttpReply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        path = request.path.partition("?")[0]
        self.calls.append((token, f"{request.method} {path}"))
        status, body = self._reply(token, path)
        date = format_datetime(datetime.now(UTC) + self.ahead, usegmt=True)
        headers = (("date", date), ("content-type", "application/json"))
        return HttpReply(status=status, headers=headers, body=json.dumps(body).encode())

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
