"""The progress of an upload, as a bar on standard error, so that a pipe receives only the result."""

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
    """A progress bar over rows, for a `with` block. It appears with the first row."""

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
        """Update the bar: `done` rows of `of`."""
        if not self._is_shown:
            self._bar.start()
            self._is_shown = True
        self._bar.update(self._task, completed=done, total=of)

    def say(self, sentence: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(sentence)


def follow_upload(upload_id: str) -> UploadView:
    """Poll until every row is processed. Ctrl-C ends the command, not the upload."""
    try:
        return with_operators(ExportDeps, lambda deps: _watch(deps, upload_id))
    except KeyboardInterrupt:
        sys.stderr.write(f"The upload continues. To see it: lockstitch uploads show {upload_id}\n")
        sys.exit(INTERRUPTED)


async def _watch(deps: ExportDeps, upload_id: str) -> UploadView:
    seen = await read_upload(deps.uploads, upload_id)
    moved = time.monotonic()
    with UploadBar("processing") as bar:
        while seen.state != "done":
            bar.show(seen.accepted - seen.waiting, seen.accepted)
            await asyncio.sleep(LOOK_SECONDS)
            now = await read_upload(deps.uploads, upload_id)
            if (now.seen, now.waiting) != (seen.seen, seen.waiting):
                moved = time.monotonic()
            elif time.monotonic() - moved > STILL_SECONDS:
                bar.say(_no_progress(now))
                moved = time.monotonic()
            seen = now
        bar.show(seen.accepted, seen.accepted)
    return seen


def _no_progress(upload: UploadView) -> str:
    if upload.state == "recording":
        return "No progress. If the upload was interrupted, send its file again."
    return "No progress. Is a worker running?"
