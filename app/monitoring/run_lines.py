"""The lines in which people read a run: its steps, without repetitions, and with the echoes of a write in one line."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from app.monitoring.runs import RunStep

REPEATED: Final = frozenset(
    {"operation.received", "operation.sent", "operation.succeeded", "operation.failed", "operation.unknown"}
    | {"event.appended", "receipt.received", "redrive.started", "redrive.finished", "redrive.cancelled"}
    | {"job.processed", "job.retried", "job.dead_lettered", "job.redriven", "job.discarded"}
    | {"delivery.failed", "delivery.dropped"}
)
"""Audit entries that say the same as another step of the run."""


class RunLine(Struct, frozen=True, kw_only=True):
    """A step, or several in one: then `parts` are the steps."""

    step: RunStep
    parts: Sequence[RunStep] = ()


def lines_of(steps: Sequence[RunStep]) -> list[RunLine]:
    """Return the lines to print. The webhooks that echo one operation are one line, where the first of them was."""
    groups: dict[object, list[RunStep]] = {}
    for number, step in enumerate(steps):
        kind, about = step.facts.get("type"), step.facts.get("facts") or {}
        if kind not in REPEATED:
            cause = (about.get("connection"), about.get("operation")) if kind == "receipt.echoed" else number
            groups.setdefault(cause, []).append(step)
    return [_line(group) for group in groups.values()] or [RunLine(step=one) for one in steps]


def _line(group: Sequence[RunStep]) -> RunLine:
    first = group[0]
    if len(group) == 1:
        return RunLine(step=first)
    about = first.facts["facts"]
    sentence = f"{about['connection']} sent {len(group)} webhooks that echo operation {about['operation']}."
    return RunLine(step=replace(first, sentence=sentence), parts=group)
