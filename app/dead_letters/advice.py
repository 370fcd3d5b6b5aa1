"""The next steps for a dead letter, each as an API call and as a command."""

import shlex
from collections.abc import Mapping
from typing import Final

from app.dead_letters.views import NextStep, property_of
from app.drift.detect import REJECTED
from app.errors import NotSystemOfRecord
from app.queue.kinds import JobKind
from app.queue.models import INTERNAL, VENDOR_ANSWERED, DeadLetter, DeathCategory
from app.revisions.mapping_routes import newest_released

ADVICE: Final[dict[DeathCategory, str]] = {
    "transient": "Redrive it when the other side is up again.",
    "throttle": "Redrive it when the vendor accepts calls again.",
    "permanent": "Fix what refused it. Then redrive it.",
    "auth": "Renew the credential, resume the connection, then redrive it.",
    "conflict": "Compare both systems, decide which one is right, then redrive or discard it.",
    "poison": "Its worker died in every attempt. Find the cause in the worker's log before you redrive it.",
}


def next_steps(
    letter: DeadLetter, kinds: Mapping[str, JobKind], revision_now: int | None, *, is_disabled: bool
) -> list[NextStep]:
    """Return what can be done now, in the order to try it; nothing if it is already decided.

    `revision_now` is the active revision of its mapping at its connection. `is_disabled`: its connection is a disabled
    subscription.
    """
    if letter.state != "open":
        return []
    kind = kinds.get(letter.kind)
    steps = [_enable(letter)] if is_disabled else _mapping_steps(letter, revision_now)
    if _refused_read(letter, kind):
        steps.append(_verify(letter))
    elif kind is not None and kind.edit is not None and not _is_owned(letter) and not _reads_again(letter, kind):
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
            command=f'lockstitch dead-letters discard {letter.id} --because "no longer needed"',
            advice="If its work is no longer needed. Give the reason, without personal data.",
        )
    )
    return steps


def _enable(letter: DeadLetter) -> NextStep:
    path = f"/v1/subscriptions/{letter.connection}"
    return NextStep(
        action="enable",
        method="POST",
        path=f"{path}/enable",
        command=f"lockstitch subscriptions enable {letter.connection}",
        advice="Its subscription is disabled, so a redrive waits. Fix what `lockstitch subscriptions show"
        f" {letter.connection}` names, then enable it.",
    )


def _mapping_steps(letter: DeadLetter, revision_now: int | None) -> list[NextStep]:
    where = shlex.quote(letter.connection)
    if letter.reason.startswith(REJECTED):
        return [
            NextStep(
                action="inspect",
                method="GET",
                path="/ops/drift",
                command=f"lockstitch drift list --connection {where}",
                advice="Acknowledge the acceptable findings, then redrive it.",
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
                advice=f"r{newest} is released but not active. If it reads such records, activate it, then redrive.",
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
            advice="If the record is right, the mapping is wrong: see its revisions, and which one was active before.",
        )
    ]


def _redrive(letter: DeadLetter, kind: JobKind | None, revision_now: int | None) -> NextStep:
    own = None if kind is None or kind.advise is None else kind.advise(letter)
    advice = own or ADVICE[letter.category]
    if own is None and letter.category == "permanent" and kind is not None and kind.edit is not None:
        advice = "Correct the payload, or fix what refused it. Then redrive it."
    name = _property(letter)
    if letter.reason.startswith(REJECTED):
        advice = "Redrive it once the finding is acknowledged. It reads the record again."
    elif _is_owned(letter):
        audit = f"lockstitch audit list --type 'ownership.*' --correlation-id {shlex.quote(letter.correlation_id)}"
        advice = (
            f"Another system owns a field: `{audit}` names the writer and the fields. A redrive approves what waits for"
            " review. Before you redrive another one, add the writer to their `writers` in lockstitch.toml."
        )
    elif _refused_read(letter, kind):
        advice = "Redrive it once the vendor answers. It reads the record again."
    elif name is not None and kind is not None and _reads_again(letter, kind):
        advice = f"{name} is missing or invalid: correct it at the vendor. A redrive reads the record again."
    elif name is not None:
        advice = f"{name} is missing or invalid. {advice}"
    if revision_now is not None and revision_now != letter.revision:
        advice += f" It was refused by r{letter.revision} of {letter.mapping}; r{revision_now} is active now."
    return NextStep(
        action="redrive",
        method="POST",
        path=f"/ops/dead-letters/{letter.id}/redrive",
        command=f"lockstitch dead-letters redrive {letter.id}",
        advice=advice,
    )


def _verify(letter: DeadLetter) -> NextStep:
    return NextStep(
        action="inspect",
        method="GET",
        path="/ops/connections",
        command=f"lockstitch verify {shlex.quote(letter.connection)}",
        advice="The vendor refused what Lockstitch asked, not the payload. This finds the cause, such as a permission.",
    )


def _edit(letter: DeadLetter) -> NextStep:
    return NextStep(
        action="edit",
        method="GET",
        path=f"/ops/dead-letters/{letter.id}",
        command=f"lockstitch dead-letters show {letter.id} --json | jq .payload > payload.json",
        advice=f"Correct {_property(letter) or 'the error'} in the file, then lockstitch dead-letters redrive"
        f' {letter.id} --payload payload.json, or redrive it with {{"payload": …}}. The file contains personal data.',
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
        advice="All with the same failure, no faster than the other side can take.",
    )


def _refused_read(letter: DeadLetter, kind: JobKind | None) -> bool:
    """Return whether the vendor refused a request, of which the payload holds nothing."""
    return kind is not None and kind.reads_again and letter.category == "permanent" and VENDOR_ANSWERED in letter.reason


def _is_owned(letter: DeadLetter) -> bool:
    return letter.reason == NotSystemOfRecord.code


def _reads_again(letter: DeadLetter, kind: JobKind) -> bool:
    """Return whether the vendor's record was refused, of which the payload holds nothing."""
    return kind.reads_again and letter.mapping is not None


def _property(letter: DeadLetter) -> str | None:
    name = property_of(letter)
    return None if name is None else f"`{name}` (at {letter.path})"
