"""`lockstitch runs`: list runs, or what failed in them, and show what happened in one."""

import asyncio
import os
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

from cyclopts import App, Parameter

from app.cli.commands import PAGING, check_limit, declare_list, operators
from app.cli.database import find_settings, with_database
from app.cli.exits import INTERRUPTED, usage
from app.cli.printing import Flag, Json, say, write_json
from app.cli.tables import Cells, moment, print_table
from app.http.paging import Page
from app.monitoring.deps import FailureDeps
from app.monitoring.failures import list_failures
from app.monitoring.models import Failure, FailureFilter, FailurePosition
from app.monitoring.runs import RecentRun, RunLine, RunReport, RunStep, lines_of, list_recent_runs, read_whole_run
from app.monitoring.store.runs import PostgresRuns
from app.postgres.database import Database

MOST_STEPS: Final = 1000
POLL_SECONDS: Final = 1.0

runs = App(name="runs")
ID = Parameter(name="ID", help="The correlation id: the X-Correlation-ID of a call or of its answer.")


class RunFilter(FailureFilter, frozen=True, kw_only=True):
    """Which runs."""

    failed: bool = False
    """List each failed or unknown write, dead letter, and read that failed with 500 or 502. All other filters but
    `--since` imply it."""
    find: str = ""
    """Only about this order number, e-mail address, canonical id or connection:record."""


async def _list(deps: FailureDeps, which: RunFilter, *, after: str | None, limit: int) -> Page:
    rows: Sequence[Failure | RecentRun]
    if which == RunFilter(since=which.since):
        place = None if after is None else _place_of(after, r"[0-9]+")
        rows = await list_recent_runs(deps.runs, since=which.since, after=place, limit=limit + 1)
    else:
        place = None if after is None else _place_of(after, r"[a-z]+_.+")
        rows = await list_failures(deps, which, which.find, after=place, limit=limit + 1)
    page, more = rows[:limit], len(rows) > limit
    cursor = f"{page[-1].at.isoformat()}/{page[-1].id}" if more else None
    return Page(data=page, next_cursor=cursor, has_more=more)


def _place_of(cursor: str, identifiers: str) -> FailurePosition:
    at, _, identifier = cursor.partition("/")
    try:
        place = FailurePosition(at=datetime.fromisoformat(at), id=identifier)
    except ValueError:
        place = None
    if place is None or not re.fullmatch(identifiers, identifier):
        usage(f"--cursor {cursor}: must be the cursor of this list.")
    return place


@declare_list(
    runs,
    operators(FailureDeps),
    _list,
    ("run, part", "at", "what", "why"),
    none="No matching runs. Filters list failures only: lockstitch runs show ID shows any run.",
)
def list_row(one: Failure | RecentRun) -> Cells:
    """List runs, newest first. With --failed or a filter: each part that failed, and why."""
    at = moment(one.at).replace(" ", "\n")
    if isinstance(one, RecentRun):
        return one.correlation_id, at, one.sentence, ""
    record = " ".join(filter(None, (one.object, one.remote_id, one.connection and f"at {one.connection}")))
    why = one.why or "" if one.path is None else f"{one.why}\nat {one.path}"
    return (
        f"{one.correlation_id}\n{one.id}",
        at,
        "\n".join(filter(None, (one.what, record))),
        f"{one.state}\n{why}",
    )


@runs.command
def show(
    correlation_id: Annotated[str, ID],
    /,
    *,
    limit: Annotated[int, PAGING["limit"]] = MOST_STEPS,
    follow: Annotated[Flag, Parameter(help="Print further steps as they happen, until Ctrl-C.")] = False,
    json: Json = False,
) -> None:
    """Show the steps of a run, oldest first, and its trace."""
    check_limit(limit)
    settings = find_settings(os.environ)

    async def read(database: Database) -> RunReport:
        return await read_whole_run(
            PostgresRuns(database),
            correlation_id,
            trace_url=settings.trace_url,
            responsible=settings.responsible,
            limit=limit,
        )

    async def watch(database: Database) -> None:
        printed = set[tuple[datetime, str]]()
        while True:
            # A step may be recorded later than one that happened after it.
            new = [one for one in (await read(database)).data if (one.at, one.sentence) not in printed]
            if new:
                print_steps(new, header=not printed)
                sys.stdout.flush()
                printed |= {(one.at, one.sentence) for one in new}
            await asyncio.sleep(POLL_SECONDS)

    if follow:
        try:
            with_database(watch)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
    report = with_database(read)
    if json:
        write_json(report)
        return
    print_steps(report.data)
    say(*(f"Responsible: {one}" for one in report.responsible))
    say(f"Trace: {report.trace_url or report.trace_id}")
    if report.has_more:
        sys.stderr.write("There are more steps: raise --limit.\n")


def print_steps(steps: Sequence[RunStep], *, header: bool = True) -> None:
    """Print steps as a table."""
    print_table(("at (UTC)", "kind", "what happened") if header else ("", "", ""), lines_of(steps), _row)


def _row(line: RunLine) -> Cells:
    step = line.step
    return f"{step.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], step.kind, step.sentence
