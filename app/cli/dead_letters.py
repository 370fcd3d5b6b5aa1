"""`lockstitch dead-letters`: inspect, redrive and discard dead letters."""

import os
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter
from msgspec import UNSET
from rich.console import Console
from rich.text import Text

from app.cli.exits import usage
from app.cli.inputs import read_input
from app.cli.listing import Cells, check_limit, show_page
from app.cli.operators import actor, read_time, with_operators
from app.cli.printing import Json, print_result, write_json
from app.cli.tables import moment, table
from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.discard import DiscardOrder, discard_dead_letter
from app.dead_letters.inspect import list_dead_letters, read_dead_letter
from app.dead_letters.models import DeadLetterFilter
from app.dead_letters.redrive import RedriveOrder, redrive_dead_letter
from app.dead_letters.views import DeadLetterDetail, DeadLetterView
from app.http.plurals import counted
from app.queue.models import DeathCategory
from app.settings.environment import load_settings

dead_letters = App(name="dead-letters", help="Inspect, redrive and discard dead letters.")


@dead_letters.command(name="list")
def list_all(
    *,
    state: Literal["open", "redriven", "discarded", "all"] = "open",
    connection: str | None = None,
    kind: str | None = None,
    category: DeathCategory | None = None,
    since: str | None = None,
    correlation_id: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
    json: Json = False,
) -> None:
    """List dead letters, newest first.

    Parameters
    ----------
    state
        Only dead letters in this state. Without it, open ones.
    connection
        Only dead letters of this connection.
    kind
        Only dead letters of this job kind, such as ingest.
    category
        Only dead letters with this failure category.
    since
        Only dead letters created since this time (RFC 3339), or within this age (90m, 2h, 1d).
    correlation_id
        Only dead letters of this run.
    limit
        The maximum number of dead letters, up to 250.
    cursor
        Continue after this cursor.
    json
        Print JSON.
    """
    check_limit(limit)
    which = DeadLetterFilter(
        state=None if state == "all" else state,
        connection=connection,
        kind=kind,
        category=category,
        since=read_time("--since", since),
        correlation_id=correlation_id,
    )
    page = with_operators(DeadLetterDeps, lambda deps: list_dead_letters(deps, which, after=cursor, limit=limit))
    shown = table("dead letter", "created", "connection", "failure")
    show_page(page, shown, _row, none="No matching dead letters.", json=json)


@dead_letters.command
def show(dead_letter_id: Annotated[str, Parameter(name="ID")], /, *, json: Json = False) -> None:
    """Show a dead letter with its payload, which contains personal data, its attempts and the next steps.

    Parameters
    ----------
    dead_letter_id
        The id of the dead letter, dl_….
    json
        Print JSON.
    """
    trace_url = load_settings(os.environ).trace_url
    letter = with_operators(DeadLetterDeps, lambda deps: read_dead_letter(deps, dead_letter_id, trace_url=trace_url))
    if json:
        write_json(letter)
        return
    _show(letter, Console())


@dead_letters.command
def redrive(
    dead_letter_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    payload: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    json: Json = False,
) -> None:
    """Redrive a dead letter, in its old place and with its full number of attempts.

    Exits with 3 if it is already decided, the same work is queued, or the payload is refused.

    Parameters
    ----------
    dead_letter_id
        The id of the dead letter, dl_….
    payload
        A file with the edited payload, in the form of `show --json`. - reads standard input.
    json
        Print JSON.
    """
    order = RedriveOrder(payload=UNSET if payload is None else msgspec.Raw(_read_json(payload)))
    letter = with_operators(
        DeadLetterDeps, lambda deps: redrive_dead_letter(deps, dead_letter_id, order, actor=actor())
    )
    print_result(letter, f"{letter.id} is queued again.", json=json)


@dead_letters.command
def discard(dead_letter_id: Annotated[str, Parameter(name="ID")], /, *, because: str, json: Json = False) -> None:
    """Discard a dead letter. Its work is never done, and the jobs that it blocked continue.

    Exits with 3 if it is already decided.

    Parameters
    ----------
    dead_letter_id
        The id of the dead letter, dl_….
    because
        The reason. It is stored and shown, so write no personal data in it.
    json
        Print JSON.
    """
    if not because.strip() or len(because) > 500:
        usage("--because: must have 1 to 500 characters.")
    order = DiscardOrder(because=because)
    letter = with_operators(
        DeadLetterDeps, lambda deps: discard_dead_letter(deps, dead_letter_id, order, actor=actor())
    )
    print_result(letter, f"{letter.id} is discarded.", json=json)


def _row(letter: DeadLetterView) -> Cells:
    why = letter.failure
    where = "" if why.path is None else f"\nat {why.path}"
    return (
        Text(f"{letter.id}\n  {letter.record or letter.origin or ''}"),
        Text(moment(letter.created_at).replace(" ", "\n")),
        Text(f"{letter.connection}\n{letter.kind}"),
        Text(f"{why.category}{'' if letter.state == 'open' else f' ({letter.state})'}\n{why.reason}{where}"),
    )


def _show(letter: DeadLetterDetail, console: Console) -> None:
    why = letter.failure
    facts = table("", "")
    facts.show_header = False
    for name, value in (
        ("dead letter", letter.id),
        ("state", letter.state),
        ("work", f"{letter.kind} at {letter.connection}"),
        ("record", letter.record),
        ("failure", f"{why.category}: {why.reason}"),
        ("where", why.path),
        ("mapping", why.mapping and f"{why.mapping} r{why.revision}"),
        ("created", f"{moment(letter.created_at)} after {counted(letter.attempts, 'attempt')}"),
        ("enqueued", moment(letter.enqueued_at)),
        ("origin", letter.origin),
        ("run", letter.correlation_id),
        ("holds up", "later jobs of its record" if letter.holds_up else None),
        ("decided", letter.decision and f"{moment(letter.decision.at)} by {letter.decision.by}"),
        ("because", letter.decision and letter.decision.because),
    ):
        if value:
            facts.add_row(Text(name, style="bold"), Text(value))
    console.print(facts)
    _show_history(letter, console)
    console.print(Text("\npayload", style="bold"))
    if letter.payload is not None:
        formatted = msgspec.json.format(msgspec.json.encode(letter.payload), indent=2).decode()
        console.print(Text(formatted), soft_wrap=True)
    if letter.payload_note is not None:
        console.print(Text(letter.payload_note))
    for step in letter.next_steps:
        console.print(Text(f"\n{step.action}: {step.advice}"))
        console.print(Text(f"    {step.command}"), soft_wrap=True)  # so that it can be copied


def _show_history(letter: DeadLetterDetail, console: Console) -> None:
    console.print()
    attempts = table("attempt", "started", "outcome", "trace")
    attempts.columns[-1].no_wrap = True
    for attempt in letter.history:
        outcome = attempt.outcome if attempt.reason is None else f"{attempt.outcome}: {attempt.reason}"
        attempts.add_row(
            str(attempt.number),
            moment(attempt.started_at),
            Text(outcome),
            attempt.trace_id or "",
        )
    console.print(attempts)


def _read_json(file: str) -> bytes:
    content = read_input(file)
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        usage(f"{file} is not JSON.")
    return content
