"""What the OpenAPI document says of dead letters, redrives and the queue."""

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
CONNECTION: Final[Text] = ("The connection that it is for; `-` for none.", '"hubspot"')
KIND: Final[Text] = ("What kind of work it is.", '"ingest"')
CATEGORY: Final[Text] = ("What kind of trouble it was; `poison` ended its worker.", '"transient"')
REASON: Final[Text] = ("Why, in words.", '"vendor-unavailable"')
SHORT: Final[dict[str, Text]] = {
    "id": ("Its id.", DEAD_LETTER_ID),
    "state": ("Whether a decision is still to be made.", '"open"'),
    "kind": KIND,
    "connection": CONNECTION,
    "record": ("What it is about; the jobs of a record run in order.", '"customer:1051"'),
    "holds_up": ("Whether later work on the same record waits for the decision.", "false"),
    "origin": ("What it stems from: a receipt, an event, an operation.", '"in_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
    "correlation_id": ("The run that it belongs to.", RUN),
    "attempts": ("How often it was tried.", "8"),
    "failure": ("Why it was given up.", None),
    "enqueued_at": ("When its work was asked for.", AT),
    "created_at": ("When it was given up.", AT),
    "decision": ("What was decided about it; null while it is open.", None),
}
TEXTS: Final[dict[type[Struct], dict[str, Text]]] = {
    DeadLetterFailure: {
        "category": CATEGORY,
        "reason": REASON,
        "path": ("Where in the payload, or in the vendor's record.", '"$.properties.email"'),
        "property": (
            "What the vendor calls that which is missing or invalid; of a row of an export the column.",
            '"email"',
        ),
        "mapping": ("The mapping that refused it.", '"hubspot.customer"'),
        "revision": ("Its revision.", "1"),
    },
    Decision: {
        "at": ("When.", AT),
        "by": ("Who.", '"key_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "because": ("Why, where it was discarded.", '"the customer was merged by hand"'),
    },
    DeadLetterView: SHORT,
    AttemptView: {
        "number": ("Which attempt, counted over redrives.", "1"),
        "outcome": ("What became of it; `lost`: its worker died or was too slow.", '"retried"'),
        "category": CATEGORY,
        "reason": REASON,
        "trace_id": ("The trace that has its spans.", '"4bf92f3577b34da6a3ce929d0e0e4736"'),
        "trace_url": (
            "Where the trace is shown.",
            '"http://127.0.0.1:16686/trace/4bf92f3577b34da6a3ce929d0e0e4736"',
        ),
        "started_at": ("When it was begun.", AT),
        "ended_at": ("When it ended.", AT),
    },
    NextStep: {
        "action": ("What can be done.", '"redrive"'),
        "method": ("With this method", '"POST"'),
        "path": ("at this path.", '"/ops/dead-letters/dl_0198f0a2b7c47d3c9a51f2e80b6c4d17/redrive"'),
        "command": (
            "The command that does the same.",
            '"lockstitch dead-letters redrive dl_0198f0a2b7c47d3c9a51f2e80b6c4d17"',
        ),
        "advice": ("When that is the right thing.", '"Redrive it when the other side works again."'),
    },
    DeadLetterDetail: SHORT
    | {
        "job_id": ("The job that died; a redrive is the same job.", "4711"),
        "dedupe_key": ("While a job with this key is queued, the same work is not queued twice.", '"hubspot:1051"'),
        "payload": (
            "What it works on, with what that leads to; null where it cannot be shown. JSON as it is, other text as a"
            " string, other bytes as `base64`.",
            '{"receipt": "in_0198f0a2b7c47d3c9a51f2e80b6c4d17", "payload": {"objectId": 1051}}',
        ),
        "payload_note": ("What there is to say of the payload, such as why it cannot be shown.", "null"),
        "editable": ("Whether a redrive takes another payload, in the form of this one.", "true"),
        "history": ("Every attempt, oldest first.", None),
        "next_steps": ("What can be done now; empty once it is decided about.", None),
    },
    RedriveOrder: {
        "payload": (
            "What to work on in place of `payload`, in the same form; left out: on the same.",
            '{"receipt": "in_0198f0a2b7c47d3c9a51f2e80b6c4d17", "payload": {"objectId": 1051}}',
        ),
    },
    DiscardOrder: {"because": ("Why; kept and shown. No personal data.", '"the customer was merged by hand"')},
    RedriveFilter: {
        "connection": ("Of this connection.", '"hubspot"'),
        "kind": ("Of this kind.", '"ingest"'),
        "category": ("That had this kind of trouble.", '"transient"'),
        "since": ("Given up at or after this time.", AT),
        "until": ("Given up before this time.", AT),
        "correlation_id": ("Of this run.", RUN),
    },
    RedriveRequest: {
        "filter": ("Which open dead letters; an empty one is all of them.", None),
        "rate_per_second": ("How many a second, at most; null: as fast as can be.", "20.0"),
        "dry_run": ("Only tell what it would take.", "false"),
    },
    RedriveView: {
        "id": ("Its id.", '"rdv_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "state": ("Whether it goes on.", '"running"'),
        "filter": ("Which dead letters it was asked to take.", None),
        "rate_per_second": ("How many a second it may redrive; null for no limit.", "20.0"),
        "total": ("How many matched when it began.", "1200"),
        "redriven": ("How many are in the queue again, or were.", "340"),
        "skipped": ("How many were decided about meanwhile, or were queued already.", "2"),
        "left": ("How many have not had their turn.", "858"),
        "rate": ("How many a second have had their turn so far; null before the first.", "19.8"),
        "eta_seconds": ("When it is through, at this pace; null when that is not known.", "42.9"),
        "actor": ("Who asked for it.", '"key_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "correlation_id": ("The run that asked for it.", RUN),
        "created_at": ("When it began.", AT),
        "updated_at": ("When it last went on.", AT),
        "ended_at": ("When it ended.", "null"),
    },
    DeadLetterGroup: {
        "connection": CONNECTION,
        "kind": KIND,
        "category": CATEGORY,
        "reason": REASON,
        "count": ("How many died so.", "1180"),
        "example": ("The oldest of them.", DEAD_LETTER_ID),
    },
    DryRun: {
        "dry_run": ("Nothing was changed.", "true"),
        "total": ("How many it would take now.", "1200"),
        "groups": ("What they died of, the most frequent first; at most 20.", None),
        "seconds": ("How long it would be at the rate that was named; null without one.", "60.0"),
    },
    KindFigures: {
        "kind": KIND,
        "depth": ("Jobs that wait or run.", "12"),
        "ready": ("Those that could start now, as far as order and time go.", "3"),
        "running": ("Those that run.", "2"),
        "blocked_keys": ("Records that are held up by a job that failed.", "1"),
        "oldest_seconds": ("Age of the oldest.", "41.5"),
        "lag_seconds": ("How long the longest waiting one could have started already.", "0.4"),
    },
    QueueLane: {
        "connection": CONNECTION,
        "state": ("Whether its jobs may start; `probing`: one goes first.", '"open"'),
        "blocked_seconds": ("For how long they may not; null when they may, or a person has to say so.", "null"),
        "note": ("Why they may not.", "null"),
        "rate_per_second": ("How many may start a second; null for no limit.", "10.0"),
        "depth": ("Jobs that wait or run.", "12"),
        "oldest_seconds": ("Age of the oldest.", "41.5"),
        "lag_seconds": ("How long the longest waiting one could have started already.", "0.4"),
        "kinds": ("By kind.", None),
    },
    QueueView: {
        "depth": ("Jobs that wait or run.", "12"),
        "oldest_seconds": ("Age of the oldest.", "41.5"),
        "lag_seconds": ("How long the longest waiting one could have started already.", "0.4"),
        "blocked_keys": ("Records that are held up by a job that failed.", "1"),
        "dead_letters": ("Dead letters that are open.", "4"),
        "lanes": ("By connection.", None),
    },
}
"""Sentence and example of every field."""

NAMES: Final = {"DeadLetterView": "DeadLetter", "RedriveView": "Redrive", "QueueView": "QueueState"}
"""How callers call them."""

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
    "dead_letter.connection": {"type": "string", "description": "Only of this connection.", "examples": ["hubspot"]},
    "dead_letter.kind": {"type": "string", "description": "Only of this kind of work.", "examples": ["ingest"]},
    "dead_letter.category": {
        "enum": ["transient", "throttle", "permanent", "auth", "conflict", "poison"],
        "description": "Only those that had this kind of trouble.",
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
        "description": "Only of this run.",
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
"""Requests as they usually are."""
