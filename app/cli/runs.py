"""`lockstitch runs`: show what happened in a run."""

import sys

from cyclopts import App, Parameter

from app.cli.commands import declare_action
from app.cli.database import with_database
from app.cli.printing import say
from app.cli.tables import Cells, print_table
from app.monitoring.runs import RunReport, RunStep, read_whole_run
from app.monitoring.store.runs import PostgresRuns

runs = App(name="runs")
ID = Parameter(name="ID", help="The correlation id: the X-Correlation-ID of a call or of its answer.")


@declare_action(
    runs,
    lambda do: with_database(lambda database: do(PostgresRuns(database))),
    read_whole_run,
    correlation_id=ID,
)
def show(report: RunReport) -> None:
    """Show the steps of a run, oldest first, and the URL of its trace."""
    print_table(("at (UTC)", "kind", "what happened"), report.data, _row)
    say(*(f"Responsible: {one}" for one in report.responsible))
    say(f"Trace: {report.trace_url}")
    if report.has_more:
        sys.stderr.write("There are more steps: raise --limit.\n")


def _row(step: RunStep) -> Cells:
    return f"{step.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], step.kind, step.sentence
