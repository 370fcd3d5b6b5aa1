"""`lockstitch runs`: show what happened in a run."""

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Final

from cyclopts import App, Parameter

from app.cli.commands import PAGING, check_limit
from app.cli.database import with_database
from app.cli.exits import INTERRUPTED
from app.cli.printing import Flag, Json, say, write_json
from app.cli.tables import Cells, print_table
from app.monitoring.runs import RunReport, RunStep, read_whole_run
from app.monitoring.store.runs import PostgresRuns
from app.postgres.database import Database
from app.settings.environment import load_settings

MOST_STEPS: Final = 1000
POLL_SECONDS: Final = 1.0

runs = App(name="runs")
ID = Parameter(name="ID", help="The correlation id: the X-Correlation-ID of a call or of its answer.")


@runs.command
def show(
    correlation_id: Annotated[str, ID],
    /,
    *,
    limit: Annotated[int, PAGING["limit"]] = MOST_STEPS,
    follow: Annotated[Flag, Parameter(help="Print further steps as they happen, until Ctrl-C.")] = False,
    json: Json = False,
) -> None:
    """Show the steps of a run, oldest first, and the URL of its trace."""
    check_limit(limit)

    async def read(database: Database) -> RunReport:
        trace_url = load_settings(os.environ).trace_url
        return await read_whole_run(PostgresRuns(database), correlation_id, trace_url=trace_url, limit=limit)

    async def watch(database: Database) -> None:
        printed = 0
        while True:
            report = await read(database)
            if len(report.data) > printed:
                _print(report.data[printed:], header=printed == 0)
                sys.stdout.flush()
                printed = len(report.data)
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
    _print(report.data, header=True)
    say(*(f"Responsible: {one}" for one in report.responsible))
    say(f"Trace: {report.trace_url}")
    if report.has_more:
        sys.stderr.write("There are more steps: raise --limit.\n")


def _print(steps: Sequence[RunStep], *, header: bool) -> None:
    print_table(("at (UTC)", "kind", "what happened") if header else ("", "", ""), steps, _row)


def _row(step: RunStep) -> Cells:
    return f"{step.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], step.kind, step.sentence
