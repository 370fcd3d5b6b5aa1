"""`lockstitch connect` at a keyboard, and a browser that consents."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.contract.callers import expect
from tests.contract.facade import Facade
from tests.contract.processes import ROOT
from tests.contract.waiting import until
from tests.forked import Forked


class Terminal:
    """`lockstitch connect` at a keyboard."""

    def __init__(self, facade: Facade, folder: Path, *arguments: str) -> None:
        keyboard = folder / "keyboard"
        os.mkfifo(keyboard)
        self._held = os.open(keyboard, os.O_RDWR)
        self._screen = folder / "screen"
        self._process = Forked(
            "app.cli",
            ["connect", *arguments],
            environment={**facade.api.environment, "COLUMNS": "300"},
            folder=ROOT,
            streams=(keyboard, self._screen, self._screen),
        )

    @property
    def text(self) -> str:
        """What it shows."""
        return self._screen.read_text() if self._screen.exists() else ""

    def link(self) -> str:
        """The address that it shows."""
        links = until(lambda: [line for line in self.text.splitlines() if line.startswith("http")])
        return links[0]

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._held, f"{line}\n".encode())

    def wait(self) -> int:
        """The exit code."""
        return self._process.wait(60.0)

    def close(self) -> None:
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
        os.close(self._held)


@contextmanager
def terminal(facade: Facade, folder: Path, *arguments: str) -> Iterator[Terminal]:
    opened = Terminal(facade, folder, *arguments)
    try:
        yield opened
    finally:
        opened.close()


def at_the_vendor(browser: httpx.Client, link: str) -> str:
    """Follow the link, consent, and return where the vendor sends the browser."""
    return browser.get(expect(browser.get(link), 303).headers["location"]).headers["location"]


def connect(facade: Facade, folder: Path, browser: httpx.Client, name: str) -> str:
    """Connect; what the terminal shows at the end."""
    with terminal(facade, folder, name) as shell:
        answer = expect(browser.get(at_the_vendor(browser, shell.link())))
        assert "is connected" in answer.text
        assert shell.wait() == 0, shell.text
        return shell.text
