"""`lockstitch queue`: show queued and running jobs."""

from app.cli.commands import command_of, operators
from app.cli.printing import say
from app.cli.tables import Cells, print_table, span
from app.http.plurals import counted
from app.queue.deps import QueueDeps
from app.queue.state import KindFigures, QueueLane, QueueView, read_queue


def show(view: QueueView) -> None:
    """Show depth, age and lag by connection and kind, and which connections are blocked."""
    say(
        f"{counted(view.depth, 'job')}, {f'the oldest {span(view.oldest_seconds)} old, ' * (view.depth > 0)}"
        f"{counted(view.blocked_keys, 'blocked record')}, {counted(view.dead_letters, 'dead letter')}."
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
    rest = f" for {span(lane.blocked_seconds)}" if lane.blocked_seconds else ""
    why = "" if lane.note is None else f": {lane.note}"
    if lane.state not in ("paused", "unauthorised"):
        return f"{lane.connection} is {lane.state}{rest}{why}"
    # Only a person can end these.
    where = "subscriptions" if lane.connection.startswith("sub_") else "connections"
    return f"{lane.connection} is {lane.state}{rest}{why}. Next step: lockstitch {where} show {lane.connection}"


queue = command_of(operators(QueueDeps), read_queue, show)
