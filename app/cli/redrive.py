"""`lockstitch redrive`: start, follow and cancel bulk redrives."""

from typing import Annotated, Final

from cyclopts import App, Parameter

from app.cli.commands import declare_action, operators, refuse_unknown, with_options
from app.cli.exits import usage
from app.cli.operators import prepare_actor
from app.cli.printing import Flag, Json, print_result
from app.cli.progress import FOLLOW, Followed, declare_status
from app.cli.tables import Cells, moment, print_table, span
from app.dead_letters.bulk_redrive import (
    DryRun,
    RedriveRequest,
    RedriveView,
    cancel_redrive,
    list_redrives,
    preview_redrive,
    read_redrive,
    start_redrive,
)
from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.models import DeadLetterGroup, RedriveFilter
from app.http.plurals import counted
from app.identifiers import new_run_id

FASTEST: Final = 10_000
COLUMNS: Final = ("redrive", "state", "done", "started", "time left")

redrive = App(name="redrive")
opened = operators(DeadLetterDeps)
ID = Parameter(name="ID", help="The id of the redrive, rdv_….")
RATE = Parameter(help="The maximum number per second. Without it, as fast as possible.")


@redrive.command
@with_options
def start(
    *,
    which: RedriveFilter,
    all: Annotated[Flag, Parameter(help="All open dead letters. Required if there is no other filter.")] = False,
    rate: Annotated[float | None, RATE] = None,
    dry_run: Annotated[Flag, Parameter(help="Only show what would be redriven.")] = False,
    follow: Annotated[Flag, FOLLOW] = False,
    json: Json = False,
) -> None:
    """Redrive the dead letters that are open and match now, oldest job first."""
    if which == RedriveFilter() and not all:
        usage("Use a filter: --connection, --kind, --category, --since, --until, --correlation-id, or --all.")
    if rate is not None and not 0 < rate <= FASTEST:
        usage(f"--rate {rate}: must be above 0 and at most {FASTEST}.")
    request = RedriveRequest(filter=which, rate_per_second=rate, dry_run=dry_run)
    preview = opened(lambda deps: preview_redrive(deps, request, most=None if dry_run else 1))
    if not preview.total and not preview.skipped:
        refuse_unknown({"which": which})
    if dry_run:
        _show_dry_run(preview, json)
        return
    run = new_run_id()
    begun = opened(lambda deps: start_redrive(deps, request, actor=prepare_actor(), correlation_id=run))
    if follow:
        WORK.print(begun.id, follow=True, json=json)
    else:
        print_result(begun, f"{begun.id} will redrive {_counts(begun.left, begun.skipped)}", json=json)


@declare_action(redrive, opened, cancel_redrive, redrive_id=ID)
def cancel(cancelled: RedriveView) -> str:
    """Cancel a redrive. Dead letters that it has already redriven stay redriven. Exits with 3 if it has ended."""
    return f"{cancelled.id} is cancelled with {cancelled.left} left."


def _row(state: RedriveView) -> Cells:
    skipped = f"\n{state.skipped} skipped" if state.skipped else ""
    return (
        state.id,
        state.state,
        f"{state.total - state.left}/{state.total}{skipped}",
        moment(state.created_at).replace(" ", "\n"),
        "" if state.eta_seconds is None else span(state.eta_seconds),
    )


WORK: Final = Followed(
    opened=opened,
    read=read_redrive,
    show=lambda state: print_table(COLUMNS, [state], _row),
    progress=lambda state: (state.total - state.left, state.total),
    is_over=lambda state: state.state != "running",
    doing="redriving",
    command="redrive status",
)
declare_status(redrive, WORK, list_redrives, COLUMNS, _row, none="No redrives.")


def _show_dry_run(preview: DryRun, json: bool) -> None:
    length = "" if preview.seconds is None else f", in about {span(preview.seconds)}"
    print_result(preview, f"This would redrive {_counts(preview.total, preview.skipped, length)}", json=json)
    if preview.groups and not json:
        print_table(("example", "count", "connection", "failure"), preview.groups, _group_row)


def _counts(redriven: int, skipped: int, length: str = "") -> str:
    skips = f"\nIt skips {skipped:,} whose work is queued already." if skipped else ""
    return f"{counted(redriven, 'dead letter')}{length}.{skips}"


def _group_row(group: DeadLetterGroup) -> Cells:
    return (
        group.example,
        str(group.count),
        f"{group.connection}\n{group.kind}",
        f"{group.category}\n{group.reason}" + (f"\n{group.path}" if group.path else ""),
    )
