"""Show progress as a bar on standard error, so that a pipe receives only the result."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Annotated, Any, Final, Self

from cyclopts import App, Parameter
from msgspec import Struct

from app.cli.commands import PAGING, TABLES, Opener, Row
from app.cli.exits import INTERRUPTED, usage
from app.cli.printing import Flag, Json, write_json
from app.cli.tables import print_page

LOOK_SECONDS: Final = 0.3
STILL_SECONDS: Final = 15.0
LISTED: Final = 20
FOLLOW: Final = Parameter(help="Show the progress until it ends. Ctrl-C stops the display, not the work.")
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


class Followed(Struct, frozen=True, kw_only=True):
    """Work in the background that a command starts and shows.

    `progress` returns what is done, and of how much. `stuck` says what to do if nothing changes for 15 s, and `command`
    shows the work again.
    """

    opened: Opener
    read: Callable[[Any, str], Awaitable[Any]]
    show: Callable[[Any], None]
    progress: Callable[[Any], tuple[int, int | None]]
    is_over: Callable[[Any], bool]
    doing: str
    command: str
    stuck: Callable[[Any], str] = lambda _: IS_WORKER_RUNNING

    def print(self, identifier: str, *, follow: bool, json: bool) -> None:
        """Print the state of some work; with `follow`, once it is over."""
        state = self._follow(identifier) if follow else self.opened(lambda deps: self.read(deps, identifier))
        if json:
            write_json(state)
        else:
            self.show(state)

    def _follow(self, identifier: str) -> Any:
        """Read the state until it is over, and return the last one. Ctrl-C ends the command, not the work."""
        try:
            return self.opened(lambda deps: self._watch(deps, identifier))
        except KeyboardInterrupt:
            sys.stderr.write(f"The work continues. To see it: lockstitch {self.command} {identifier}\n")
            sys.exit(INTERRUPTED)

    async def _watch(self, deps: Any, identifier: str) -> Any:
        state, changed_at = await self.read(deps, identifier), time.monotonic()
        with Bar(self.doing) as bar:
            while not self.is_over(state):
                bar.show(*self.progress(state))
                await asyncio.sleep(LOOK_SECONDS)
                before, state = state, await self.read(deps, identifier)
                if state != before:
                    changed_at = time.monotonic()
                elif time.monotonic() - changed_at > STILL_SECONDS:
                    bar.say(self.stuck(state))
                    changed_at = time.monotonic()
            bar.show(*self.progress(state))
        return state


def declare_status(
    group: App, work: Followed, listed: Callable[..., Awaitable[Any]], columns: Sequence[str], row: Row, *, none: str
) -> None:
    """Add the command `status` to a group: the progress of one, or the list of all."""

    def status(
        identifier: Annotated[str | None, Parameter(name="ID", help="Its id. Without it, the latest ones.")] = None,
        /,
        *,
        follow: Annotated[Flag, FOLLOW] = False,
        cursor: Annotated[str | None, PAGING["after"]] = None,
        json: Json = False,
    ) -> None:
        """Show the progress of one, or of the latest ones."""
        if identifier is not None:
            work.print(identifier, follow=follow, json=json)
            return
        if follow:
            usage("--follow requires an ID.")
        page = work.opened(lambda deps: listed(deps, after=cursor, limit=LISTED))
        print_page(page, columns, row, none=none, json=json)

    group.command(status)
    TABLES[f"{group.name[0]} status"] = (columns, row)
