"""`lockstitch dead-letters`: inspect, redrive and discard dead letters."""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from msgspec import UNSET

from app.cli.commands import declare_action, declare_list, operators
from app.cli.exits import usage
from app.cli.inputs import read_input
from app.cli.operators import prepare_actor
from app.cli.printing import Json, print_result, say
from app.cli.tables import Cells, moment, print_facts, print_table, print_text
from app.dead_letters.decide import RedriveOrder, discard_dead_letter, redrive_dead_letter
from app.dead_letters.deps import DeadLetterDeps
from app.dead_letters.inspect import list_dead_letters, read_dead_letter
from app.dead_letters.views import AttemptView, DeadLetterDetail, DeadLetterView
from app.http.plurals import counted

dead_letters = App(name="dead-letters")
opened = operators(DeadLetterDeps)
ID = Parameter(name="ID", help="The id of the dead letter, dl_….")
PAYLOAD = Parameter(
    help="A file with the edited payload, in the form of `show --json`. - reads standard input.",
    allow_leading_hyphen=True,
)


@declare_list(
    dead_letters,
    opened,
    list_dead_letters,
    ("dead letter", "created", "connection", "failure"),
    none="No matching dead letters.",
)
def list_row(letter: DeadLetterView) -> Cells:
    """List dead letters, newest first."""
    why = letter.failure
    where = "" if why.path is None else f"\nat {why.path}"
    return (
        f"{letter.id}\n{letter.record or letter.origin or ''}",
        moment(letter.created_at).replace(" ", "\n"),
        f"{letter.connection}\n{letter.kind}",
        f"{why.category}{'' if letter.state == 'open' else f' ({letter.state})'}\n{why.reason}{where}",
    )


@declare_action(dead_letters, opened, read_dead_letter, dead_letter_id=ID)
def show(letter: DeadLetterDetail) -> None:
    """Show a dead letter with its payload, which contains personal data, its attempts and the next steps."""
    why, decision = letter.failure, letter.decision
    print_facts(
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
        ("decided", None if decision is None else f"{moment(decision.at)} by {letter.decided_by}"),
        ("because", None if decision is None else decision.because),
        ("responsible", "\n".join(map(str, letter.responsible))),
    )
    say("")
    print_table(("attempt", "started", "outcome", "trace"), letter.history, _attempt_row)
    say("", "payload")
    if letter.payload is not None:
        say(*msgspec.json.format(msgspec.json.encode(letter.payload), indent=2).decode().splitlines())
    if letter.payload_note is not None:
        print_text(letter.payload_note)
    for step in letter.next_steps:
        print_text("", f"{step.action}: {step.advice}")
        say(f"    {step.command}")


@dead_letters.command
def redrive(
    dead_letter_id: Annotated[str, ID], /, *, payload: Annotated[Path | None, PAYLOAD] = None, json: Json = False
) -> None:
    """Redrive a dead letter, in its old place and with its full number of attempts.

    Exits with 3 if it is already decided, the same work is queued, or the payload is refused.
    """
    order = RedriveOrder(payload=UNSET if payload is None else msgspec.Raw(_read_json(payload)))
    letter = opened(lambda deps: redrive_dead_letter(deps, dead_letter_id, order, actor=prepare_actor()))
    print_result(letter, f"{letter.id} is queued again.", json=json)


@declare_action(dead_letters, opened, discard_dead_letter, dead_letter_id=ID)
def discard(letter: DeadLetterView) -> str:
    """Discard a dead letter. Its work is never done, and the jobs that it blocked continue.

    Exits with 3 if it is already decided.
    """
    return f"{letter.id} is discarded."


def _attempt_row(attempt: AttemptView) -> Cells:
    outcome = attempt.outcome if attempt.reason is None else f"{attempt.outcome}: {attempt.reason}"
    return str(attempt.number), moment(attempt.started_at), outcome, attempt.trace_id or ""


def _read_json(file: Path) -> bytes:
    content = read_input(file)
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        usage(f"{file} is not JSON.")
    return content
