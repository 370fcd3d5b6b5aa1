"""`lockstitch queue`: show queued and running jobs."""

from app.cli.operators import with_operators
from app.cli.printing import Json, say, write_json
from app.cli.tables import Cells, print_table, span
from app.http.plurals import counted
from app.queue.deps import QueueDeps
from app.queue.state import KindFigures, QueueLane, read_queue


def queue(*, json: Json = False) -> None:
    """Show depth, age and lag by connection and kind, and which connections are blocked."""
    view = with_operators(QueueDeps, lambda deps: read_queue(deps))
    if json:
        write_json(view)
        return
    say(
        f"{counted(view.depth, 'job')}, the oldest {span(view.oldest_seconds)} old,"
        f" {counted(view.blocked_keys, 'blocked record')}, {counted(view.dead_letters, 'dead letter')}."
    )
    rows = [(lane, one) for lane in view.lanes for one in lane.kinds]
    if rows:
        print_table(("connection", "kind", "jobs", "run", "ready", "blocked", "oldest", "lag"), rows, _row)
    say(*(_blocked_lane(lane) for lane in view.lanes if lane.state != "open"))


def _row(row: tuple[QueueLane, KindFigures]) -> Cells:
    lane, one = row
    figures = (one.depth, one.running, one.ready, one.blocked_keys)
    return lane.connection, one.kind, *map(str, figures), span(one.oldest_seconds), span(one.lag_seconds)


def _blocked_lane(lane: QueueLane) -> str:
    rest = "" if lane.blocked_seconds is None else f" for {span(lane.blocked_seconds)}"
    why = "" if lane.note is None else f": {lane.note}"
    if lane.state not in ("paused", "unauthorised"):
        return f"{lane.connection} is {lane.state}{rest}{why}"
    # Only a person can end these.
    where = f"/v1/subscriptions/{lane.connection}" if lane.connection.startswith("sub_") else "/ops/connections"
    return f"{lane.connection} is {lane.state}{rest}{why}. GET {where} has the next step."
