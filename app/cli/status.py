"""`lockstitch status`: what is broken now, like the console's page Now."""

from app.cli.commands import command_of, operators
from app.cli.printing import say
from app.cli.tables import moment, print_text, span
from app.http.plurals import counted
from app.monitoring.deps import PresentDeps
from app.monitoring.present import Present, read_present


def show(present: Present) -> None:
    """Show the alarms that stand, the longest first, and the work that waits."""
    for alarm in present.alarms:
        began = "" if alarm.since is None else f" since {moment(alarm.since)} UTC"
        print_text(f"{alarm.name}{began}: {alarm.summary}")
        say(f"    -> {alarm.next_step}")
    since = "has ever run" if present.worker_seconds is None else f"for {span(present.worker_seconds)}"
    workers = counted(present.workers, "worker") if present.workers else f"no worker {since}"
    jobs = f"{counted(present.jobs, 'job')}, of which one waits for {span(present.lag_seconds)}"
    alarms = counted(len(present.alarms), "alarm") if present.alarms else "No alarm"
    print_text(f"{alarms}; {workers}; {jobs if present.lag_seconds else counted(present.jobs, 'job')}.")


status = command_of(operators(PresentDeps), read_present, show)
