"""People read a run without repetitions, and the echoes of a write in one line."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.monitoring.models import RunRecord, StoryPosition
from app.monitoring.runs import RunStep, lines_of, step_of


def audited(what: str, subject: str = "job_7", **facts: Any) -> RunStep:
    """A step of the audit trail."""
    about = {"type": what, "subject": subject, "facts": facts}
    return RunStep(at=datetime(2026, 5, 1, tzinfo=UTC), kind="audit", sentence=f"{what} of {subject}.", facts=about)


def echo(receipt: str, operation: str, connection: str = "hubspot") -> RunStep:
    """A webhook that echoes an operation."""
    return audited("receipt.echoed", receipt, connection=connection, operation=operation, run=f"run-of-{receipt}")


def test_echoes_of_one_operation_are_one_line_where_the_first_was() -> None:
    resolved = audited("operation.resolved", "op_1")
    steps = [echo("in_1", "op_1"), resolved, echo("in_2", "op_1"), echo("in_3", "op_2"), echo("in_4", "op_1", "shop")]

    lines = lines_of(steps)

    assert [line.step.sentence for line in lines] == [
        "hubspot sent 2 webhooks that echo operation op_1.",
        resolved.sentence,
        "receipt.echoed of in_3.",
        "receipt.echoed of in_4.",
    ]
    assert [[part.facts["subject"] for part in line.parts] for line in lines] == [["in_1", "in_2"], [], [], []]


def test_audit_entries_that_repeat_a_step_are_left_out() -> None:
    steps = [audited("job.queued"), audited("job.processed"), audited("receipt.received", "in_1")]
    assert [line.step for line in lines_of(steps)] == steps[:1]


def test_a_run_of_which_only_the_audit_trail_is_left_is_shown() -> None:
    steps = [audited("job.processed"), audited("operation.sent", "op_1")]
    assert [line.step for line in lines_of(steps)] == steps


@pytest.mark.parametrize(
    ("what", "facts", "sentence"),
    [
        ("job.queued", {"kind": "ingest"}, "Job 7 (ingest) was queued."),
        (
            "operation.postponed",
            {"phase": "sent", "seconds": 15.0},
            "The outcome of operation job_7 is looked up again in 15 s.",
        ),
        (
            "operation.postponed",
            {"phase": "received", "seconds": 2.5},
            "Operation job_7 was not carried out; it is tried again in 2 s.",
        ),
    ],
)
def test_audit_entries_say_what_happened(what: str, facts: dict[str, Any], sentence: str) -> None:
    place = StoryPosition(at=datetime(2026, 5, 1, tzinfo=UTC), rank=9, key="1")
    about = {"type": what, "subject": "job_7", "actor": "lockstitch", "facts": facts}
    assert step_of(RunRecord(place=place, kind="audit", facts=about), {}).sentence == sentence
