"""`lockstitch redrive`: run many dead letters again, and watch it."""

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
from app.cli.printing import Flag, Json, tell, write_json
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
from app.identifiers import uuid7
from app.queue.models import DeathCategory

LOOK_SECONDS: Final = 0.5
STILL_SECONDS: Final = 15.0
LISTED: Final = 20
FASTEST: Final = 10_000

redrive = App(name="redrive", help="Run many dead letters again; a worker carries it on.")


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
        Those of this connection.
    kind
        Those of this kind of work, such as ingest.
    category
        Those that had this kind of trouble.
    since
        Those given up since this time (RFC 3339) or within this age (90m, 2h, 1d).
    until
        Those given up before this time, or longer ago than this age.
    correlation_id
        Those of this run.
    all
        Every open one; needed where nothing else says which.
    rate
        How many a second, at most; as fast as can be when left out.
    dry_run
        Only tell what it would take.
    follow
        Show how it goes on until it ends; Ctrl-C stops looking, not the redrive.
    json
        As JSON.
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
        usage("Say which: --connection, --kind, --category, --since, --until, --correlation-id, or --all.")
    if rate is not None and not 0 < rate <= FASTEST:
        usage(f"--rate {rate}: more than 0, at most {FASTEST}.")
    request = RedriveRequest(filter=chosen, rate_per_second=rate, dry_run=dry_run)
    if dry_run:
        _tell_dry_run(with_operators(DeadLetterDeps, lambda deps: preview_redrive(deps, request)), json)
        return
    run = str(uuid7())
    begun = with_operators(DeadLetterDeps, lambda deps: start_redrive(deps, request, actor=actor(), correlation_id=run))
    if follow:
        _follow(begun.id, json)
    else:
        tell(begun, f"{begun.id} has {begun.total} dead letters before it.", json=json)


@redrive.command
def status(
    redrive_id: Annotated[str | None, Parameter(name="ID")] = None, /, *, follow: Flag = False, json: Json = False
) -> None:
    """Show how far one has come, or the latest ones.

    Parameters
    ----------
    redrive_id
        Which one, rdv_….
    follow
        Show how it goes on until it ends.
    json
        As JSON.
    """
    if redrive_id is None:
        if follow:
            usage("--follow: say which one.")
        page = with_operators(DeadLetterDeps, lambda deps: list_redrives(deps, after=None, limit=LISTED))
        if json:
            write_json(page)
        elif page.data:
            _show(list(page.data))
        else:
            sys.stdout.write("There has been no redrive.\n")
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
    """Stop one; what it has redriven stays so. Ends with 3 when it has ended already.

    Parameters
    ----------
    redrive_id
        Which one, rdv_….
    json
        As JSON.
    """
    cancelled = with_operators(DeadLetterDeps, lambda deps: cancel_redrive(deps, redrive_id, actor=actor()))
    tell(cancelled, f"{cancelled.id} is cancelled with {cancelled.left} left.", json=json)


def _follow(redrive_id: str, json: bool) -> None:
    try:
        ended = with_operators(DeadLetterDeps, lambda deps: _watch(deps, redrive_id))
    except KeyboardInterrupt:
        sys.stderr.write(f"It goes on; `lockstitch redrive status {redrive_id}` shows how.\n")
        sys.exit(INTERRUPTED)
    if json:
        write_json(ended)
    else:
        _show([ended])


async def _watch(deps: DeadLetterDeps, redrive_id: str) -> RedriveView:
    """Look again and again until it has ended. The bar is on standard error, so that the result can be piped."""
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
                bar.console.print("It does not go on: is a worker running?")
                moved = time.monotonic()
            seen = now
            eta = "" if seen.eta_seconds is None else f"{span(seen.eta_seconds)} left"
            bar.update(task, completed=seen.total - seen.left, eta=eta)
    return seen


def _tell_dry_run(found: DryRun, json: bool) -> None:
    if json:
        write_json(found)
        return
    length = "" if found.seconds is None else f", in about {span(found.seconds)}"
    sys.stdout.write(f"It would take {found.total} dead letters{length}.\n")
    if found.groups:
        shown = table("example", "number", "connection", "trouble")
        for group in found.groups:
            shown.add_row(
                group.example,
                str(group.count),
                Text(f"{group.connection}\n{group.kind}"),
                Text(f"{group.category}\n{group.reason}"),
            )
        Console().print(shown)


def _show(redrives: list[RedriveView]) -> None:
    shown = table("redrive", "state", "through", "began", "left for")
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
