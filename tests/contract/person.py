"""A person who is sent alarms."""

import json
import time
from typing import Any, Final

from tests.contract.waiting import until
from tests.http_server import LocalServer, Reply, Request

MINUTE: Final = 60.0
"""How soon after the first occurrence an alarm comes, and after the end its end."""


class Person(LocalServer):
    """The receiver of alarms: the posted messages, and the number of heartbeats."""

    def __init__(self) -> None:
        self.alarms: list[dict[str, Any]] = []
        self.signs: list[float] = []
        super().__init__(self._notice)

    def _notice(self, request: Request) -> Reply:
        if request.method == "POST":
            self.alarms.append(json.loads(request.body))
        else:
            self.signs.append(time.monotonic())
        return Reply(status=204)

    def states(self, alarm: str) -> list[str]:
        return [one["state"] for one in self.alarms if one["alarm"] == alarm]

    def is_told(self, alarm: str, *, since: int = 0) -> dict[str, Any]:
        """Wait, at most a minute, for the first message of an alarm, and return it; without so many before it."""
        return until(lambda: [one for one in self.alarms if one["alarm"] == alarm][since:], timeout=MINUTE)[0]

    def is_told_the_end(self, alarm: str) -> None:
        """Wait, at most a minute, until an alarm is over."""
        until(lambda: self.states(alarm), lambda states: states[-1:] == ["over"], timeout=MINUTE)
