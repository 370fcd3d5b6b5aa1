"""Descriptions of dead letters, redrives and the queue in the OpenAPI document."""

from typing import Any, Final

from msgspec import Struct

from app.dead_letters.bulk_redrive import DryRun, RedriveFilter, RedriveRequest, RedriveView
from app.dead_letters.discard import DiscardOrder
from app.dead_letters.models import DeadLetterGroup
from app.dead_letters.redrive import RedriveOrder
from app.dead_letters.views import AttemptView, DeadLetterDetail, DeadLetterFailure, DeadLetterView, Decision, NextStep
from app.queue.state import KindFigures, QueueLane, QueueView

Text = tuple[str, str | None]

AT: Final = '"2026-05-01T09:30:00Z"'
RUN: Final = '"orders-4711-1767225600000"'
DEAD_LETTER_ID: Final = '"dl_0198f0a2b7c47d3c9a51f2e80b6c4d17"'
CONNECTION: Final[Text] = ("The connection of the work; `-` for none.", '"hubspot"')
KIND: Final[Text] = ("The kind of work.", '"ingest"')
CATEGORY: Final[Text] = ("The kind of failure. `poison` ended its worker.", '"transient"')
REASON: Final[Text] = ("The reason.", '"vendor-unavailable"')
SHORT: Final[dict[str, Text]] = {
    "id": ("The dead letter's id.", DEAD_LETTER_ID),
    "state": ("`open` until it is redriven or discarded.", '"open"'),
    "kind": KIND,
    "connection": CONNECTION,
    "record": ("The record concerned. Jobs of one record run in order.", '"customer:1051"'),
    "holds_up": ("Whether later work on the same record waits for your decision.", "false"),
    "origin": ("What caused the work: a receipt, an event, an operation.", '"in_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
    "correlation_id": ("The run of the work.", RUN),
    "attempts": ("Number of attempts.", "8"),
    "failure": ("Why the work was given up.", None),
    "enqueued_at": ("When the work was queued.", AT),
    "created_at": ("When the work was given up.", AT),
    "decision": ("The decision; null while it is open.", None),
}
TEXTS: Final[dict[type[Struct], dict[str, Text]]] = {
    DeadLetterFailure: {
        "category": CATEGORY,
        "reason": REASON,
        "path": ("Place in the payload, or in the vendor's record.", '"$.properties.email"'),
        "property": (
            "The vendor's name of the missing or invalid property; for a row of an export, the column.",
            '"email"',
        ),
        "mapping": ("The mapping that refused it.", '"hubspot.customer"'),
        "revision": ("Its revision.", "1"),
    },
    Decision: {
        "at": ("When it was decided.", AT),
        "by": ("Who decided.", '"key_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "because": ("Why it was discarded.", '"the customer was merged by hand"'),
    },
    DeadLetterView: SHORT,
    AttemptView: {
        "number": ("Number of the attempt, counted across redrives.", "1"),
        "outcome": ("The outcome. `lost`: its worker died or was too slow.", '"retried"'),
        "category": CATEGORY,
        "reason": REASON,
        "trace_id": ("The trace of the attempt.", '"4bf92f3577b34da6a3ce929d0e0e4736"'),
        "trace_url": (
            "URL of the trace.",
            '"http://127.0.0.1:16686/trace/4bf92f3577b34da6a3ce929d0e0e4736"',
        ),
        "started_at": ("When it began.", AT),
        "ended_at": ("When it ended.", AT),
    },
    NextStep: {
        "action": ("The action.", '"redrive"'),
        "method": ("The HTTP method.", '"POST"'),
        "path": ("The path.", '"/ops/dead-letters/dl_0198f0a2b7c47d3c9a51f2e80b6c4d17/redrive"'),
        "command": (
            "The same as a command.",
            '"lockstitch dead-letters redrive dl_0198f0a2b7c47d3c9a51f2e80b6c4d17"',
        ),
        "advice": ("When to use it.", '"Redrive it when the other side works again."'),
    },
    DeadLetterDetail: SHORT
    | {
        "job_id": ("The failed job. A redrive runs the same job.", "4711"),
        "dedupe_key": ("While a job with this key is queued, the same work is not queued again.", '"hubspot:1051"'),
        "payload": (
            "The input of the work, with the receipt or event that it names; null if it cannot be shown. JSON stays"
            " JSON, other text is a string, other bytes are `base64`.",
            '{"receipt": "in_0198f0a2b7c47d3c9a51f2e80b6c4d17", "payload": {"objectId": 1051}}',
        ),
        "payload_note": ("A note about the payload, such as why it cannot be shown.", "null"),
        "editable": ("Whether a redrive accepts another payload of the same form.", "true"),
        "history": ("Every attempt, oldest first.", None),
        "next_steps": ("Possible actions; empty once decided.", None),
    },
    RedriveOrder: {
        "payload": (
            "Replaces `payload`, in the same form. If absent, the payload stays.",
            '{"receipt": "in_0198f0a2b7c47d3c9a51f2e80b6c4d17", "payload": {"objectId": 1051}}',
        ),
    },
    DiscardOrder: {"because": ("The reason, stored and shown. No personal data.", '"the customer was merged by hand"')},
    RedriveFilter: {
        "connection": ("Only this connection.", '"hubspot"'),
        "kind": ("Only this kind of work.", '"ingest"'),
        "category": ("Only this kind of failure.", '"transient"'),
        "since": ("Only those given up at or after this time.", AT),
        "until": ("Only those given up before this time.", AT),
        "correlation_id": ("Only this run.", RUN),
    },
    RedriveRequest: {
        "filter": ("Which open dead letters to redrive; an empty filter matches all.", None),
        "rate_per_second": ("Maximum rate per second; null if unlimited.", "20.0"),
        "dry_run": ("Report what would be redriven, and change nothing.", "false"),
    },
    RedriveView: {
        "id": ("The redrive's id.", '"rdv_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "state": ("The state of the redrive.", '"running"'),
        "filter": ("The filter of the request.", None),
        "rate_per_second": ("Maximum rate per second; null if unlimited.", "20.0"),
        "total": ("Number that matched when it began.", "1200"),
        "redriven": ("Number that were queued again.", "340"),
        "skipped": ("Number that were decided meanwhile, or already queued.", "2"),
        "left": ("Number that remain.", "858"),
        "rate": ("Actual rate per second so far; null before the first.", "19.8"),
        "eta_seconds": ("Remaining seconds at this rate; null if unknown.", "42.9"),
        "actor": ("Who requested it.", '"key_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "correlation_id": ("The run that requested it.", RUN),
        "created_at": ("When it began.", AT),
        "updated_at": ("When it last made progress.", AT),
        "ended_at": ("When it ended.", "null"),
    },
    DeadLetterGroup: {
        "connection": CONNECTION,
        "kind": KIND,
        "category": CATEGORY,
        "reason": REASON,
        "count": ("Number of dead letters in the group.", "1180"),
        "example": ("The oldest of them.", DEAD_LETTER_ID),
    },
    DryRun: {
        "dry_run": ("Always true: nothing was changed.", "true"),
        "total": ("Number that would be redriven now.", "1200"),
        "groups": ("Groups by failure, the most frequent first; at most 20.", None),
        "seconds": ("Duration at the requested rate; null without a rate.", "60.0"),
    },
    KindFigures: {
        "kind": KIND,
        "depth": ("Jobs that wait or run.", "12"),
        "ready": ("Jobs whose order and time permit a start now.", "3"),
        "running": ("Jobs that run.", "2"),
        "blocked_keys": ("Records that a failed job blocks.", "1"),
        "oldest_seconds": ("Age of the oldest job, in seconds.", "41.5"),
        "lag_seconds": ("Longest time that a job has been ready without starting, in seconds.", "0.4"),
    },
    QueueLane: {
        "connection": CONNECTION,
        "state": ("Whether its jobs may start. `probing`: one job runs first.", '"open"'),
        "blocked_seconds": (
            "Seconds until they may start; null if they may start now, or an operator must resume.",
            "null",
        ),
        "note": ("Why they may not start.", "null"),
        "rate_per_second": ("Maximum starts per second; null if unlimited.", "10.0"),
        "depth": ("Jobs that wait or run.", "12"),
        "oldest_seconds": ("Age of the oldest job, in seconds.", "41.5"),
        "lag_seconds": ("Longest time that a job has been ready without starting, in seconds.", "0.4"),
        "kinds": ("The figures by kind.", None),
    },
    QueueView: {
        "depth": ("Jobs that wait or run.", "12"),
        "oldest_seconds": ("Age of the oldest job, in seconds.", "41.5"),
        "lag_seconds": ("Longest time that a job has been ready without starting, in seconds.", "0.4"),
        "blocked_keys": ("Records that a failed job blocks.", "1"),
        "dead_letters": ("Open dead letters.", "4"),
        "lanes": ("The lanes, by connection.", None),
    },
}
"""Description and example of every field."""

NAMES: Final = {"DeadLetterView": "DeadLetter", "RedriveView": "Redrive", "QueueView": "QueueState"}
"""Public names of Structs."""

LISTED: Final = {
    "DeadLetterList": ("DeadLetter", "A page of dead letters."),
    "RedriveList": ("Redrive", "A page of redrives."),
}

QUERIES: Final[dict[str, dict[str, Any]]] = {
    "dead_letter.state": {
        "enum": ["open", "redriven", "discarded", "all"],
        "default": "open",
        "description": "Only dead letters in this state.",
        "examples": ["open"],
    },
    "dead_letter.connection": {"type": "string", "description": "Only this connection.", "examples": ["hubspot"]},
    "dead_letter.kind": {"type": "string", "description": "Only this kind of work.", "examples": ["ingest"]},
    "dead_letter.category": {
        "enum": ["transient", "throttle", "permanent", "auth", "conflict", "poison"],
        "description": "Only this kind of failure.",
        "examples": ["transient"],
    },
    "dead_letter.since": {
        "type": "string",
        "format": "date-time",
        "description": "Only those given up at or after this time (RFC 3339 with a zone).",
        "examples": ["2026-05-01T00:00:00Z"],
    },
    "dead_letter.correlation_id": {
        "type": "string",
        "description": "Only this run.",
        "examples": ["orders-4711-1767225600000"],
    },
}

BODIES: Final[dict[str, Any]] = {
    "RedriveOrder": {
        "payload": {"receipt": "in_0198f0a2b7c47d3c9a51f2e80b6c4d17", "payload": {"objectId": 1051}},
    },
    "DiscardOrder": {"because": "the customer was merged by hand"},
    "RedriveRequest": {"filter": {"connection": "hubspot", "category": "transient"}, "rate_per_second": 20},
}
"""Typical requests."""
