"""Show progress as a bar on standard error, so that a pipe receives only the result."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from app.cli.commands import Opener
from app.cli.exits import INTERRUPTED

T = TypeVar("T")
LOOK_SECONDS: Final = 0.3
STILL_SECONDS: Final = 15.0
IS_WORKER_RUNNING: Final = "No progress. Is a worker running?"


class Bar:
    """A progress bar, for a `with` block. It appears with the first figures, unless it is `hidden`."""

    def __init__(self, doing: str, *, hidden: bool = False) -> None:
        from rich.console import Console  # noqa: PLC0415 - most commands show no bar
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=hidden,
        )
        self._is_visible = False
        self._task = self._bar.add_task(doing, total=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._is_visible:
            self._bar.stop()

    def show(self, done: int, of: int | None) -> None:
        """Update the bar: `done` of `of`, if that is known."""
        if not self._is_visible:
            self._bar.start()
            self._is_visible = True
        self._bar.update(self._task, completed=done, total=of)

    def say(self, sentence: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(sentence)


def follow(
    opened: Opener,
    read: Callable[[Any], Awaitable[T]],
    progress: Callable[[T], tuple[int, int | None]],
    *,
    is_over: Callable[[T], bool],
    stuck: Callable[[T], str],
    doing: str,
    later: str,
) -> T:
    """Read a state until it is over, and return the last one. Ctrl-C ends the command, not the work.

    `progress` returns what is done, and of how much. `stuck` says what to do if nothing changes for 15 s, and `later`
    how to see the state again after Ctrl-C.
    """

    async def watch(deps: Any) -> T:
        state, changed_at = await read(deps), time.monotonic()
        with Bar(doing) as bar:
            while not is_over(state):
                bar.show(*progress(state))
                await asyncio.sleep(LOOK_SECONDS)
                before, state = state, await read(deps)
                if state != before:
                    changed_at = time.monotonic()
                elif time.monotonic() - changed_at > STILL_SECONDS:
                    bar.say(stuck(state))
                    changed_at = time.monotonic()
            bar.show(*progress(state))
        return state

    try:
        ended: T = opened(watch)
    except KeyboardInterrupt:
        sys.stderr.write(f"{later}\n")
        sys.exit(INTERRUPTED)
    return ended
