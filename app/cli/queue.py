"""`lockstitch queue`: show queued and running jobs."""

from rich.console import Console
from rich.text import Text

from app.cli.operators import with_operators
from app.cli.printing import Json, write_json
from app.cli.tables import span, table
from app.http.plurals import counted
from app.queue.deps import QueueDeps
from app.queue.state import QueueLane, read_queue


def queue(*, json: Json = False) -> None:
    """Show depth, age and lag by connection and kind, and which connections are blocked."""
    view = with_operators(QueueDeps, lambda deps: read_queue(deps))
    if json:
        write_json(view)
        return
    console = Console()
    console.print(
        f"{counted(view.depth, 'job')}, the oldest {span(view.oldest_seconds)} old,"
        f" {counted(view.blocked_keys, 'blocked record')}, {counted(view.dead_letters, 'dead letter')}."
    )
    lanes = table("connection", "kind", "jobs", "run", "ready", "blocked", "oldest", "lag")
    # At 80 columns, shorten a long name, never a figure.
    lanes.columns[0].overflow, lanes.columns[0].max_width = "ellipsis", 24
    for column in lanes.columns:
        column.no_wrap = True
    for column in lanes.columns[2:]:
        column.justify = "right"
    for lane in view.lanes:
        for each in lane.kinds:
            lanes.add_row(
                Text(lane.connection),
                Text(each.kind),
                *(str(figure) for figure in (each.depth, each.running, each.ready, each.blocked_keys)),
                span(each.oldest_seconds),
                span(each.lag_seconds),
            )
    if lanes.rows:
        console.print(lanes)
    for lane in view.lanes:
        if lane.state != "open":
            console.print(Text(_blocked_lane(lane)), soft_wrap=True)


def _blocked_lane(lane: QueueLane) -> str:
    rest = "" if lane.blocked_seconds is None else f" for {span(lane.blocked_seconds)}"
    why = "" if lane.note is None else f": {lane.note}"
    if lane.state not in ("paused", "unauthorised"):
        return f"{lane.connection} is {lane.state}{rest}{why}"
    # Only a person can end these.
    where = f"/v1/subscriptions/{lane.connection}" if lane.connection.startswith("sub_") else "/ops/connections"
    return f"{lane.connection} is {lane.state}{rest}{why}. GET {where} has the next step."
