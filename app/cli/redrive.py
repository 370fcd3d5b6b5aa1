"""`lockstitch redrive`: start, follow and cancel bulk redrives."""

import asyncio
import sys
import time
from typing import Annotated, Final

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from app.cli.exits import INTERRUPTED, usage
from app.cli.operators import actor, read_time, with_operators
from app.cli.printing import Flag, Json, print_result, write_json
from app.cli.tables import moment, span, table
from app.dead_letters.bulk_redrive import (
    DryRun,
    RedriveFilter,
    RedriveRequest,
    RedriveView,
    cancel_redrive,
    list_redrives,
    preview_redrive,
    read_redrive,
    start_redrive,
)
from app.dead_letters.deps import DeadLetterDeps
from app.http.plurals import counted
from app.identifiers import uuid7
from app.queue.models import DeathCategory

LOOK_SECONDS: Final = 0.5
STILL_SECONDS: Final = 15.0
LISTED: Final = 20
FASTEST: Final = 10_000

redrive = App(name="redrive", help="Redrive many dead letters. A worker does it in batches.")


@redrive.command
def start(
    *,
    connection: str | None = None,
    kind: str | None = None,
    category: DeathCategory | None = None,
    since: str | None = None,
    until: str | None = None,
    correlation_id: str | None = None,
    all: Flag = False,
    rate: float | None = None,
    dry_run: Flag = False,
    follow: Flag = False,
    json: Json = False,
) -> None:
    """Redrive the dead letters that are open and match now, oldest job first.

    Parameters
    ----------
    connection
        Only dead letters of this connection.
    kind
        Only dead letters of this job kind, such as ingest.
    category
        Only dead letters with this failure category.
    since
        Only dead letters created since this time (RFC 3339), or within this age (90m, 2h, 1d).
    until
        Only dead letters created before this time, or older than this age.
    correlation_id
        Only dead letters of this run.
    all
        All open dead letters. Required if there is no other filter.
    rate
        The maximum number per second. Without it, as fast as possible.
    dry_run
        Only show what would be redriven.
    follow
        Show the progress until it ends. Ctrl-C stops the display, not the redrive.
    json
        Print JSON.
    """
    chosen = RedriveFilter(
        connection=connection,
        kind=kind,
        category=category,
        since=read_time("--since", since),
        until=read_time("--until", until),
        correlation_id=correlation_id,
    )
    if chosen == RedriveFilter() and not all:
        usage("Use a filter: --connection, --kind, --category, --since, --until, --correlation-id, or --all.")
    if rate is not None and not 0 < rate <= FASTEST:
        usage(f"--rate {rate}: must be above 0 and at most {FASTEST}.")
    request = RedriveRequest(filter=chosen, rate_per_second=rate, dry_run=dry_run)
    if dry_run:
        _show_dry_run(with_operators(DeadLetterDeps, lambda deps: preview_redrive(deps, request)), json)
        return
    run = str(uuid7())
    begun = with_operators(DeadLetterDeps, lambda deps: start_redrive(deps, request, actor=actor(), correlation_id=run))
    if follow:
        _follow(begun.id, json)
    else:
        print_result(begun, f"{begun.id} will redrive {counted(begun.total, 'dead letter')}.", json=json)


@redrive.command
def status(
    redrive_id: Annotated[str | None, Parameter(name="ID")] = None, /, *, follow: Flag = False, json: Json = False
) -> None:
    """Show the progress of one redrive, or of the latest ones.

    Parameters
    ----------
    redrive_id
        The id of the redrive, rdv_…. Without it, the latest ones.
    follow
        Show the progress until it ends.
    json
        Print JSON.
    """
    if redrive_id is None:
        if follow:
            usage("--follow requires an ID.")
        page = with_operators(DeadLetterDeps, lambda deps: list_redrives(deps, after=None, limit=LISTED))
        if json:
            write_json(page)
        elif page.data:
            _show(list(page.data))
        else:
            sys.stdout.write("No redrives.\n")
        return
    if follow:
        _follow(redrive_id, json)
        return
    found = with_operators(DeadLetterDeps, lambda deps: read_redrive(deps, redrive_id))
    if json:
        write_json(found)
    else:
        _show([found])


@redrive.command
def cancel(redrive_id: Annotated[str, Parameter(name="ID")], /, *, json: Json = False) -> None:
    """Cancel a redrive. Dead letters that it has already redriven stay redriven. Exits with 3 if it has ended.

    Parameters
    ----------
    redrive_id
        The id of the redrive, rdv_….
    json
        Print JSON.
    """
    cancelled = with_operators(DeadLetterDeps, lambda deps: cancel_redrive(deps, redrive_id, actor=actor()))
    print_result(cancelled, f"{cancelled.id} is cancelled with {cancelled.left} left.", json=json)


def _follow(redrive_id: str, json: bool) -> None:
    try:
        ended = with_operators(DeadLetterDeps, lambda deps: _watch(deps, redrive_id))
    except KeyboardInterrupt:
        sys.stderr.write(f"The redrive continues. To see it: lockstitch redrive status {redrive_id}\n")
        sys.exit(INTERRUPTED)
    if json:
        write_json(ended)
    else:
        _show([ended])


async def _watch(deps: DeadLetterDeps, redrive_id: str) -> RedriveView:
    """Poll until the redrive ends. The progress bar is on standard error, so that a pipe receives only the result."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[eta]}"),
        console=Console(stderr=True),
    )
    seen = await read_redrive(deps, redrive_id)
    moved = time.monotonic()
    with bar:
        task = bar.add_task("redriving", total=seen.total, completed=seen.total - seen.left, eta="")
        while seen.state == "running":
            await asyncio.sleep(LOOK_SECONDS)
            now = await read_redrive(deps, redrive_id)
            if now.left != seen.left:
                moved = time.monotonic()
            elif time.monotonic() - moved > STILL_SECONDS:
                bar.console.print("No progress. Is a worker running?")
                moved = time.monotonic()
            seen = now
            eta = "" if seen.eta_seconds is None else f"{span(seen.eta_seconds)} left"
            bar.update(task, completed=seen.total - seen.left, eta=eta)
    return seen


def _show_dry_run(found: DryRun, json: bool) -> None:
    if json:
        write_json(found)
        return
    length = "" if found.seconds is None else f", in about {span(found.seconds)}"
    sys.stdout.write(f"This would redrive {counted(found.total, 'dead letter')}{length}.\n")
    if found.groups:
        shown = table("example", "count", "connection", "failure")
        for group in found.groups:
            shown.add_row(
                group.example,
                str(group.count),
                Text(f"{group.connection}\n{group.kind}"),
                Text(f"{group.category}\n{group.reason}"),
            )
        Console().print(shown)


def _show(redrives: list[RedriveView]) -> None:
    shown = table("redrive", "state", "done", "started", "time left")
    for each in redrives:
        skipped = f"\n{each.skipped} skipped" if each.skipped else ""
        shown.add_row(
            each.id,
            each.state,
            f"{each.total - each.left}/{each.total}{skipped}",
            moment(each.created_at).replace(" ", "\n"),
            "" if each.eta_seconds is None else span(each.eta_seconds),
        )
    Console().print(shown)
