"""How an upload goes on, as a bar on standard error, so that the result can be piped."""

import asyncio
import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.exits import INTERRUPTED
from app.cli.operators import with_operators
from app.uploads.deps import ExportDeps
from app.uploads.views import UploadView, read_upload

LOOK_SECONDS: Final = 0.3
STILL_SECONDS: Final = 15.0


class UploadBar:
    """A bar over rows, inside a `with` block; it appears with the first of them."""

    def __init__(self, doing: str) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._is_shown = False
        self._task = self._bar.add_task(doing, total=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._is_shown:
            self._bar.stop()

    def show(self, done: int, of: int) -> None:
        """So many rows are through."""
        if not self._is_shown:
            self._bar.start()
            self._is_shown = True
        self._bar.update(self._task, completed=done, total=of)

    def say(self, sentence: str) -> None:
        """A line above the bar."""
        self._bar.console.print(sentence)


def follow_upload(upload_id: str) -> UploadView:
    """Look again and again until every row had its turn. Ctrl-C ends the command, not the work."""
    try:
        return with_operators(ExportDeps, lambda deps: _watch(deps, upload_id))
    except KeyboardInterrupt:
        sys.stderr.write(f"It goes on; `lockstitch uploads show {upload_id}` shows how.\n")
        sys.exit(INTERRUPTED)


async def _watch(deps: ExportDeps, upload_id: str) -> UploadView:
    seen = await read_upload(deps.uploads, upload_id)
    moved = time.monotonic()
    with UploadBar("working off") as bar:
        while seen.state != "done":
            bar.show(seen.accepted - seen.waiting, seen.accepted)
            await asyncio.sleep(LOOK_SECONDS)
            now = await read_upload(deps.uploads, upload_id)
            if (now.seen, now.waiting) != (seen.seen, seen.waiting):
                moved = time.monotonic()
            elif time.monotonic() - moved > STILL_SECONDS:
                bar.say(_why_not(now))
                moved = time.monotonic()
            seen = now
        bar.show(seen.accepted, seen.accepted)
    return seen


def _why_not(upload: UploadView) -> str:
    if upload.state == "recording":
        return "It does not go on: if it broke off, send its file again."
    return "It does not go on: is a worker running?"
