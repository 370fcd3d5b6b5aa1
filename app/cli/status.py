"""`lockstitch status`: what is broken now, like the console's page Now."""

from app.cli.commands import command_of, operators
from app.cli.printing import say
from app.cli.tables import Cells, moment, print_table, print_text, span
from app.http.plurals import counted
from app.monitoring.deps import PresentDeps
from app.monitoring.models import Alarm
from app.monitoring.present import Present, read_present


def show(present: Present) -> None:
    """Show the alarms that stand, the longest first, and the work that waits."""
    if present.alarms:
        print_table(("alarm", "since (UTC)", "what, and what to do"), present.alarms, _row)
        say("")
    seen = "has ever run" if present.worker_seconds is None else f"for {span(present.worker_seconds)}"
    workers = counted(present.workers, "worker") if present.workers else f"no worker {seen}"
    jobs = f"{counted(present.jobs, 'job')}, of which one waits for {span(present.lag_seconds)}"
    alarms = counted(len(present.alarms), "alarm") if present.alarms else "No alarm"
    print_text(f"{alarms}; {workers}; {jobs if present.lag_seconds else counted(present.jobs, 'job')}.")


def _row(alarm: Alarm) -> Cells:
    since = "" if alarm.since is None else moment(alarm.since).replace(" ", "\n")
    return alarm.name, since, f"{alarm.summary}\n-> {alarm.next_step}"


status = command_of(operators(PresentDeps), read_present, show)
