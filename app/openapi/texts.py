"""Descriptions of answers outside the canonical model in the OpenAPI document: data only."""

from typing import Any, Final

from msgspec import Struct

from app.monitoring.routes import Readiness
from app.openapi.calls import (
    audit_texts,
    connection_texts,
    dead_letter_texts,
    drift_texts,
    event_texts,
    mapping_texts,
    options,
    subscription_texts,
    uploads,
)
from app.problem_document import FieldError, ProblemDocument, VendorSays
from app.records.fetch import Unreadable
from app.webhooks.receive import Received
from app.writes.finish import Archived
from app.writes.models import OperationView
from app.writes.operations import Resolution
from mappings.coverage import FieldCoverage

Schema = dict[str, Any]

COMPONENT: Final = "#/components/schemas/"
OPERATION_ID: Final = '"op_0198f0a2b7c47d3c9a51f2e80b6c4d17"'
CORRELATION_ID: Final = '"orders-4711-1767225600000"'
TEXTS: Final[dict[type[Struct], dict[str, tuple[str, str | None]]]] = {
    Received: {
        "accepted": ("Number of new events that are recorded.", "1"),
        "duplicates": ("Number of events that were already recorded.", "0"),
    },
    FieldError: {
        "pointer": ("JSON Pointer (RFC 6901) into the body.", '"/emails/0/address"'),
        "parameter": ("A query parameter.", '"limit"'),
        "header": ("A header.", '"idempotency-key"'),
        "detail": ("What is wrong, and what is accepted.", '"not an e-mail address"'),
    },
    VendorSays: {
        "connection": ("The connection that answered.", '"hubspot"'),
        "status": ("The vendor's HTTP status.", "409"),
        "code": ("The vendor's error code.", '"CONFLICT"'),
        "detail": ("The vendor's message.", '"Contact already exists"'),
        "request_id": ("The vendor's id of the request. Give it to the vendor's support.", '"0f1c7a9e-5b7e-4d0b"'),
    },
    ProblemDocument: {
        "type": (
            "The kind of problem, as a URL that explains it.",
            '"https://example.com/problems/not-found"',
        ),
        "code": ("The last segment of `type`. Let workflows branch on it.", '"not-found"'),
        "title": ("The kind of problem in words, constant for a code.", '"Not found"'),
        "status": ("The HTTP status of the answer.", "404"),
        "detail": ("What happened in this case, for people.", '"HubSpot has no customer with the id 1051."'),
        "instance": ("The path that was called.", '"/v1/customers/hubspot:1051"'),
        "category": ("The kind of failure. `conflict` needs a decision, `auth` a valid credential.", '"permanent"'),
        "fault": ("Who must change something.", '"caller"'),
        "retryable": ("Whether the same request can succeed later.", "false"),
        "retry_after": ("Seconds to wait before a retry, as in the header `Retry-After`.", "null"),
        "next_step": ("What you can do now.", '"Check the path and the id."'),
        "correlation_id": ("The run that this call belongs to.", CORRELATION_ID),
        "errors": ("All errors of the request, each with its place.", None),
        "vendor": ("The vendor's answer, if there is one.", None),
        "operation_id": ("The operation concerned.", OPERATION_ID),
    },
    OperationView: {
        "id": ("The operation's id; the record at the vendor carries it as its marker.", OPERATION_ID),
        "state": ("The state of the write. `unknown` waits for an operator.", '"succeeded"'),
        "object": ("The object that is written.", '"customer"'),
        "action": ("The verb.", '"create"'),
        "connection": ("The connection.", '"hubspot"'),
        "attempts": ("Number of attempts.", "1"),
        "correlation_id": ("The run that requested it.", CORRELATION_ID),
        "created_at": ("When it was requested.", '"2026-05-01T09:30:00Z"'),
        "updated_at": ("When its state last changed.", '"2026-05-01T09:30:01Z"'),
        "redriven": ("Whether an operator ran it again after a refusal.", "false"),
        "result": ("The resource, if the write succeeded.", None),
        "problem": ("The problem, if the write failed or is unknown.", None),
    },
    Resolution: {
        "outcome": ("What you found at the vendor.", '"succeeded"'),
        "remote_id": ("The record's id at the vendor; required for `succeeded`.", '"1051"'),
    },
    Archived: {
        "id": ("Canonical id of the archived record.", '"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "meta": ("Where the record is.", None),
    },
    Readiness: {
        "status": ("Always `ok`. If not ready, the answer is a problem.", '"ok"'),
        "worker_seen_seconds_ago": ("Age of the worker's last heartbeat; null if there was none.", "1.5"),
    },
    **connection_texts.TEXTS,
    **dead_letter_texts.TEXTS,
    **drift_texts.TEXTS,
    **mapping_texts.TEXTS,
    **options.TEXTS,
    **uploads.TEXTS,
    **event_texts.TEXTS,
    **subscription_texts.TEXTS,
    **audit_texts.TEXTS,
    Unreadable: {
        "remote_id": ("The record's id at the vendor, if it could be read.", '"1051"'),
        "pointer": ("JSON Pointer to the place in the vendor's record.", '"/properties/email"'),
        "detail": ("What does not match. Never contains a value.", '"Expected `str`, got `int`"'),
    },
    FieldCoverage: {
        "field": ("The canonical field.", '"lifecycle_stage"'),
        "reads": ("Whether a read can return it.", "true"),
        "creates": ("Whether a create can set it.", "true"),
        "updates": ("Whether an update can change it.", "true"),
        "values": ("The values that can be written, for an enum.", '["lead", "customer"]'),
    },
}
"""Description and example of every field outside the canonical model. No example if the parts have their own."""
LISTED: Final = {
    "CustomerList": ("Customer", "A page of customers."),
    "OrderList": ("Order", "A page of orders."),
    "TicketList": ("Ticket", "A page of tickets."),
    "CommentList": ("Comment", "A page of the comments of a ticket."),
    "OperationList": ("Operation", "A page of operations."),
    "ConnectionList": ("Connection", "Every connection."),
    **dead_letter_texts.LISTED,
    **drift_texts.LISTED,
    **mapping_texts.LISTED,
    **subscription_texts.LISTED,
    **audit_texts.LISTED,
    "ContractList": ("ContractSummary", "All data contracts in brief."),
}


def _listing(name: str, item: str, meaning: str) -> Schema:
    """Build the list envelope of one kind of resource."""
    return _object(
        name,
        meaning,
        data={
            "type": "array",
            "items": {"$ref": COMPONENT + item},
            "description": "May hold fewer than `limit` while `has_more` is true.",
        },
        next_cursor=_text("Send it as `cursor` to get the next page; null on the last one.", None, nullable=True),
        has_more=_flag("Whether there are more pages.", False),
        **({"unreadable": UNREADABLE} if item in ("Customer", "Order", "Ticket", "Comment") else {}),
    )


UNREADABLE: Final[Schema] = {
    "type": "array",
    "items": {"$ref": f"{COMPONENT}UnreadableRecord"},
    "description": "Records of this page that cannot be mapped. The page contains the others.",
}


def _object(name: str, meaning: str, /, **members: Schema) -> Schema:
    """Build the schema of an object with required members."""
    return {
        "title": name,
        "description": meaning,
        "type": "object",
        "properties": members,
        "required": list(members),
    }


def _text(description: str, example: str | None, *, nullable: bool = False) -> Schema:
    """Build the schema of a string."""
    return {
        "type": ["string", "null"] if nullable else "string",
        "description": description,
        "examples": [example],
    }


def _flag(description: str, example: bool) -> Schema:
    """Build the schema of a boolean."""
    return {"type": "boolean", "description": description, "examples": [example]}


_FREE: Final = {"type": "object", "additionalProperties": True}
_ACTIONS: Final = {
    "type": "array",
    "items": {"type": "string"},
    "examples": [["create", "update", "upsert", "archive"]],
}
_FIELDS: Final = {"type": "array", "items": {"$ref": COMPONENT + "FieldCoverage"}}
REVISION: Final = _object(
    "ActiveMapping",
    "The active mapping revision of a connection.",
    name=_text("Vendor and object.", "hubspot.customer"),
    revision={"type": "integer", "description": "The revision.", "examples": [1]},
    vendor_api=_text("The version of the vendor's API.", "v3"),
)
CONNECTION: Final = _object(
    "ConnectionCoverage",
    "What a connection reads and writes of an object; computed from its mapping.",
    vendor=_text("The vendor's name.", "hubspot"),
    mapping={"$ref": COMPONENT + "ActiveMapping", "description": "The active mapping."},
    actions=_ACTIONS | {"description": "The verbs that it supports."},
    system_of_record=_flag("Whether calls without a connection use this one.", True),
    fields=_FIELDS | {"description": "Field by field, what is read and written."},
)
SUMMARY: Final = _object(
    "ContractSummary",
    "A data contract in one line.",
    object=_text("The object.", "customer"),
    version=_text("The version (Semantic Versioning).", "1.0.0"),
    meaning=_text("What the object means in the business.", "A person or an organisation that buys."),
    url=_text("Path of the whole contract.", "/v1/contracts/customer"),
)
CONTRACT: Final = _object(
    "Contract",
    "A data contract, its JSON Schemas, and what each connection supports.",
    object=_text("The object.", "customer"),
    contract=_FREE
    | {
        "description": "Meaning, owners, producers, consumers, guarantees, change policy, incident handling.",
        "examples": [{"object": "customer", "version": "1.0.0"}],
    },
    schema=_FREE | {"description": "JSON Schema (draft 2020-12) of reads.", "examples": [{"title": "Customer"}]},
    write_schema=_FREE | {"description": "JSON Schema of writes.", "examples": [{"title": "CustomerPatch"}]},
    connections={
        "type": "object",
        "description": "What each connection reads and writes, field by field.",
        "additionalProperties": {"$ref": COMPONENT + "ConnectionCoverage"},
    },
)
ME: Final = _object(
    "Me",
    "The key of the request.",
    name=_text("The key's name.", "n8n"),
    scopes={
        "type": "array",
        "items": {"type": "string"},
        "description": "The scopes of the key.",
        "examples": [["customers:read", "customers:write"]],
    },
    expires_at=_text("When it expires; null for never.", "2027-01-01T00:00:00Z", nullable=True)
    | {"format": "date-time"},
)
LIVENESS: Final = _object("Liveness", "The process answers.", status=_text("Always `ok`.", "ok"))
EXPLANATION: Final = _object(
    "ProblemExplanation",
    "The meaning of a problem code.",
    code=_text("The problem code.", "not-found"),
    status={"type": "integer", "description": "The HTTP status.", "examples": [404]},
    title=_text("The title.", "Not found"),
    meaning=_text("The meaning.", "There is no such route, record, or connection in the id."),
    category=_text("The kind of failure.", "permanent"),
    fault=_text("Who must change something.", "caller"),
    retryable=_flag("Whether the same request can succeed later.", False),
    next_step=_text("What to do.", "Check the path and the id."),
)
OPEN_API: Final = _FREE | {
    "title": "OpenApi",
    "description": "An OpenAPI 3.1 document.",
    "examples": [{"openapi": "3.1.0", "info": {"title": "Lockstitch", "version": "1.0.0"}}],
}
LISTS: Final = tuple(_listing(name, item, meaning) for name, (item, meaning) in LISTED.items())
_AROUND: Final = (OPEN_API, REVISION, CONNECTION, SUMMARY, CONTRACT, ME, LIVENESS, EXPLANATION)
ANSWERS: Final = (*LISTS, *event_texts.ANSWERS, *_AROUND)
"""Answers that have no Struct."""
