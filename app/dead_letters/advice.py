"""What an operator can do about a dead letter, each as a call and as the command to type."""

import shlex
from collections.abc import Mapping
from typing import Final

from app.dead_letters.views import NextStep, property_of
from app.drift.detect import REJECTED
from app.queue.kinds import JobKind
from app.queue.models import INTERNAL, DeadLetter, DeathCategory
from app.revisions.mapping_routes import newest_released

ADVICE: Final[dict[DeathCategory, str]] = {
    "transient": "Redrive it when the other side works again.",
    "throttle": "Redrive it when the vendor takes calls again.",
    "permanent": "Correct the payload where it can be edited, or what refused it, and redrive it.",
    "auth": "Renew the credential of the connection, resume it, and redrive.",
    "conflict": "Look at both systems, decide which one is right, and redrive or discard.",
    "poison": "Its worker ended in every attempt: find out why in the worker's log before it is redriven.",
}


def next_steps(letter: DeadLetter, kinds: Mapping[str, JobKind], revision_now: int | None) -> list[NextStep]:
    """What can be done now, in the order in which to try it; nothing once it is decided about. `revision_now` is the
    revision of its mapping that is at work at its connection by now."""
    if letter.state != "open":
        return []
    kind = kinds.get(letter.kind)
    steps = _about_the_mapping(letter, revision_now)
    if kind is not None and kind.edit is not None and not _is_read_again(letter, kind):
        steps.append(_edit(letter))
    steps.append(_redrive(letter, kind, revision_now))
    if letter.category in ("transient", "throttle"):
        steps.append(_redrive_all(letter))
    if kind is not None and kind.send_again is not None and letter.category == "permanent":
        path, command, advice = kind.send_again(letter)
        steps.append(NextStep(action="send_again", method="POST", path=path, command=command, advice=advice))
    steps.append(
        NextStep(
            action="discard",
            method="POST",
            path=f"/ops/dead-letters/{letter.id}/discard",
            command=f'lockstitch dead-letters discard {letter.id} --because "its work is not wanted any more"',
            advice='Where its work is not wanted any more; say why as {"because": …}, without personal data.',
        )
    )
    return steps


def _about_the_mapping(letter: DeadLetter, revision_now: int | None) -> list[NextStep]:
    where = shlex.quote(letter.connection)
    if letter.reason.startswith(REJECTED):
        return [
            NextStep(
                action="inspect",
                method="GET",
                path="/ops/drift",
                command=f"lockstitch drift list --connection {where}",
                advice="Acknowledge what may stay, then redrive.",
            )
        ]
    if letter.mapping is None or revision_now is None or letter.category != "permanent":
        return []
    newest = newest_released(letter.mapping)
    if newest is not None and newest > max(revision_now, letter.revision or 0):
        return [
            NextStep(
                action="activate",
                method="POST",
                path=f"/ops/mappings/{letter.mapping}/route",
                command=f"lockstitch mapping activate {letter.mapping}@r{newest} --connection {where}",
                advice=f"r{newest} is released and not at work here: activate it if it reads such records,"
                " then redrive.",
            )
        ]
    if revision_now != letter.revision:
        return []
    return [
        NextStep(
            action="inspect",
            method="GET",
            path=f"/ops/mappings/{letter.mapping}",
            command=f"lockstitch mapping show {letter.mapping}",
            advice="Where the record is right, the mapping is not: see which revisions there are, and what was at"
            " work before.",
        )
    ]


def _redrive(letter: DeadLetter, kind: JobKind | None, revision_now: int | None) -> NextStep:
    advice = ADVICE[letter.category]
    name = _named(letter)
    if name is not None and kind is not None and _is_read_again(letter, kind):
        advice = f"{name} is missing or invalid: correct it at the vendor. A redrive reads the record again."
    elif name is not None:
        advice = f"{name} is missing or invalid. {advice}"
    if revision_now is not None and revision_now != letter.revision:
        advice += f" It was refused by r{letter.revision} of {letter.mapping}; r{revision_now} is at work now."
    return NextStep(
        action="redrive",
        method="POST",
        path=f"/ops/dead-letters/{letter.id}/redrive",
        command=f"lockstitch dead-letters redrive {letter.id}",
        advice=advice,
    )


def _edit(letter: DeadLetter) -> NextStep:
    return NextStep(
        action="edit",
        method="GET",
        path=f"/ops/dead-letters/{letter.id}",
        command=f"lockstitch dead-letters show {letter.id} --json | jq .payload > payload.json",
        advice=f"Correct {_named(letter) or 'what is wrong'} in the file, then lockstitch dead-letters redrive"
        f' {letter.id} --payload payload.json, or redrive it with {{"payload": …}}. The file holds personal data.',
    )


def _redrive_all(letter: DeadLetter) -> NextStep:
    which = (
        f"--kind {letter.kind}" if letter.connection == INTERNAL else f"--connection {shlex.quote(letter.connection)}"
    )
    return NextStep(
        action="redrive_all",
        method="POST",
        path="/ops/redrives",
        command=f"lockstitch redrive start {which} --category {letter.category} --rate 20",
        advice="All that died alike, no faster than the other side bears.",
    )


def _is_read_again(letter: DeadLetter, kind: JobKind) -> bool:
    """Whether what was refused is the vendor's record, of which the payload holds nothing."""
    return kind.reads_again and letter.mapping is not None


def _named(letter: DeadLetter) -> str | None:
    name = property_of(letter)
    return None if name is None else f"`{name}` (at {letter.path})"
