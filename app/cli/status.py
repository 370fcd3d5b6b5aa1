"""`lockstitch status`: what is broken now, like the console's page Now."""

import os
from collections.abc import Sequence

from msgspec.structs import asdict

from app.cli.commands import command_of
from app.cli.connections import COLUMNS, Opened, list_row, opened
from app.cli.database import find_settings
from app.cli.printing import say
from app.cli.tables import moment, print_table, print_text, span
from app.http.plurals import counted
from app.monitoring.advice import in_commands
from app.monitoring.present import Present, read_present
from app.walks.pull.freshness import ConnectionStatus
from app.wiring.connections import present_of


class Status(Present, frozen=True, kw_only=True):
    """What stands now, and every connection."""

    connections: Sequence[ConnectionStatus]


async def read(deps: Opened) -> Status:
    """Read the alarms, the work that waits, and the connections."""
    present = await read_present(present_of(find_settings(os.environ), deps.freshness.database))
    return Status(**asdict(present), connections=await deps.list())


def show(present: Status) -> None:
    """Show the alarms that stand, the longest first, the work that waits, and the connections."""
    for alarm in present.alarms:
        began = "" if alarm.since is None else f" since {moment(alarm.since)} UTC"
        print_text(f"{alarm.name}{began}: {alarm.summary}")
        say(f"    -> {in_commands(alarm.next_step)}")
    since = "has ever run" if present.worker_seconds is None else f"for {span(present.worker_seconds)}"
    workers = counted(present.workers, "worker") if present.workers else f"no worker {since}"
    jobs = f"{counted(present.jobs, 'job')}, of which one waits for {span(present.lag_seconds)}"
    alarms = counted(len(present.alarms), "alarm") if present.alarms else "No alarm"
    print_text(f"{alarms}; {workers}; {jobs if present.lag_seconds else counted(present.jobs, 'job')}.")
    if present.connections:
        say("")
        print_table(COLUMNS[:-1], present.connections, lambda one: list_row(one)[:-1])


status = command_of(opened, read, show)
