"""`lockstitch runs`: show what happened in a run."""

import os
import sys
from collections.abc import Sequence

from cyclopts import App
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.cli.database import with_database
from app.cli.printing import write_json
from app.cli.tables import table
from app.errors import Complaint
from app.monitoring.runs import RunReport, RunStep, read_whole_run
from app.monitoring.store.runs import PostgresRuns
from app.postgres.database import Database
from app.settings.environment import load_settings

runs = App(name="runs", help="Show what happened in a run.")


@runs.command
def show(id: str, *, limit: int = 1000, json: bool = False) -> None:
    """Show the steps of a run, oldest first, and the URL of its trace.

    Parameters
    ----------
    id
        The correlation id: the X-Correlation-ID of a call or of its answer.
    limit
        The maximum number of steps.
    json
        Print JSON, like the API.
    """
    trace_url = load_settings(os.environ).trace_url

    async def read(database: Database) -> RunReport | None:
        return await read_whole_run(PostgresRuns(database), id, trace_url=trace_url, limit=max(1, limit))

    story = with_database(read)
    if story is None:
        raise Complaint(f"Unknown run {id}.")
    if json:
        write_json(story)
        return
    console = Console()
    console.print(_table(story.data))
    console.print(Text(f"Trace: {story.trace_url}"), soft_wrap=True)
    if story.has_more:
        sys.stderr.write("There are more steps: raise --limit.\n")


def _table(entries: Sequence[RunStep]) -> Table:
    shown = table("at (UTC)", "kind", "what happened")
    for entry in entries:
        shown.add_row(f"{entry.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], entry.kind, Text(entry.sentence))
    return shown
