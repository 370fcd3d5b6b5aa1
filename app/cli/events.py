"""`lockstitch events`: follow the Events."""

import asyncio
import sys
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter

from app.cli.commands import check_limit, operators
from app.cli.exits import INTERRUPTED, usage
from app.cli.operators import actor
from app.cli.printing import Flag, Json, say
from app.events.deps import FeedDeps
from app.events.feed import ANY, newest_of, read_events
from app.events.types import EVENT_PATTERNS, EVENTS_READ, READS
from app.http.callers import Caller
from app.http.nearest_name import did_you_mean

POLL_SECONDS: Final = 1.0
PAGE: Final = 250

events = App(name="events")
TYPE = Parameter(name="--type", help="Only these, such as `customer.*`. Repeat it for several.", negative=())


@events.command
def tail(
    *,
    types: Annotated[tuple[str, ...], TYPE] = (),
    connection: Annotated[str | None, Parameter(help="Only Events of this connection.")] = None,
    limit: Annotated[int, Parameter(help="How many past Events to begin with.")] = 10,
    once: Annotated[Flag, Parameter(help="End after the past ones.")] = False,
    json: Annotated[Json, Parameter(help="Print each Event as a line of JSON, with personal data.")] = False,
) -> None:
    """Print the newest Events, then each new one until Ctrl-C."""
    check_limit(limit)
    for name in types:
        if name not in EVENT_PATTERNS:
            usage(f"--type {name}: no event.{did_you_mean(name, EVENT_PATTERNS)} Known: {', '.join(EVENT_PATTERNS)}.")

    async def follow(deps: FeedDeps) -> None:
        newest = await newest_of(deps, patterns=types or (ANY,), limit=limit, connection=connection)
        last = _show(newest[::-1], json=json)
        if last is None:
            last = _show(await newest_of(deps, patterns=(ANY,), limit=1), json=None)
        while not once:
            page = await read_events(
                deps, patterns=types, after=last, limit=PAGE, caller=_reader(), connection=connection
            )
            last = _show(page.data, json=json) or last
            if not page.has_more:
                await asyncio.sleep(POLL_SECONDS)

    try:
        operators(FeedDeps)(follow)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _reader() -> Caller:
    return Caller(
        principal=actor(), key=actor(), name=actor(), scopes=frozenset((EVENTS_READ, *READS)), expires_at=None
    )


def _show(bodies: Any, *, json: bool | None) -> str | None:
    """Print Events, nothing if `json` is None, and return the id of the last one."""
    last = None
    for body in bodies:
        event = msgspec.json.decode(body)
        last = event["id"]
        if json:
            sys.stdout.write(bytes(body).decode() + "\n")
        elif json is not None:
            record = (event.get("data") or {}).get("id") or ""
            changed = f"changed {', '.join(event.get('changed') or ())}" if event["type"].endswith(".updated") else ""
            say("  ".join(filter(None, (event["timestamp"][:19], event["type"], event["connection"], record, changed))))
    sys.stdout.flush()
    return last
