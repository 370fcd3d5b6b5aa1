"""What the OpenAPI document says of answers that are not of the canonical model: data only."""

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
        "accepted": ("Events that were new and are recorded.", "1"),
        "duplicates": ("Events that were there already.", "0"),
    },
    FieldError: {
        "pointer": ("JSON Pointer (RFC 6901) into the body.", '"/emails/0/address"'),
        "parameter": ("A query parameter.", '"limit"'),
        "header": ("A header.", '"idempotency-key"'),
        "detail": ("What is wrong there, and what would be right.", '"not an e-mail address"'),
    },
    VendorSays: {
        "connection": ("The connection that answered.", '"hubspot"'),
        "status": ("The vendor's HTTP status.", "409"),
        "code": ("The vendor's own code.", '"CONFLICT"'),
        "detail": ("The vendor's own words.", '"Contact already exists"'),
        "request_id": ("The vendor's id of the request, which its support asks for.", '"0f1c7a9e-5b7e-4d0b"'),
    },
    ProblemDocument: {
        "type": (
            "What kind of problem it is, as an address that explains it.",
            '"https://example.com/problems/not-found"',
        ),
        "code": ("The last segment of `type`: what a workflow decides by.", '"not-found"'),
        "title": ("The kind of problem in words, always the same for a code.", '"Nothing is found here"'),
        "status": ("The HTTP status of the answer.", "404"),
        "detail": ("What happened this time, for a person.", '"HubSpot has no customer with the id 1051."'),
        "instance": ("The path that was called.", '"/v1/customers/hubspot:1051"'),
        "category": ("What kind of trouble it is; `conflict` needs a decision, `auth` a credential.", '"permanent"'),
        "fault": ("Whose turn it is to change something.", '"caller"'),
        "retryable": ("Whether the same request can succeed later.", "false"),
        "retry_after": ("Seconds to wait before that, as in the header `Retry-After`.", "null"),
        "next_step": ("What a person can do now.", '"Check the path and the id."'),
        "correlation_id": ("The run that this call belongs to.", CORRELATION_ID),
        "errors": ("Everything that is wrong with the request, each at its place.", None),
        "vendor": ("What the vendor said, where it was asked.", None),
        "operation_id": ("The operation that this is about.", OPERATION_ID),
    },
    OperationView: {
        "id": ("The operation's id; the record at the vendor carries it as its marker.", OPERATION_ID),
        "state": ("How far the write has come; `unknown` waits for a person.", '"succeeded"'),
        "object": ("What is written.", '"customer"'),
        "action": ("What is done to it.", '"create"'),
        "connection": ("Where.", '"hubspot"'),
        "attempts": ("How often it was taken up.", "1"),
        "correlation_id": ("The run that asked for it.", CORRELATION_ID),
        "created_at": ("When it was asked for.", '"2026-05-01T09:30:00Z"'),
        "updated_at": ("When its state last changed.", '"2026-05-01T09:30:01Z"'),
        "redriven": ("Whether it was refused once, and an operator has had it carried out again.", "false"),
        "result": ("The resource, when it succeeded.", None),
        "problem": ("Why not, when it failed or is unknown.", None),
    },
    Resolution: {
        "outcome": ("What a person found at the vendor.", '"succeeded"'),
        "remote_id": ("The record's id there; needed when the outcome is `succeeded`.", '"1051"'),
    },
    Archived: {
        "id": ("Canonical id of what was archived.", '"cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"'),
        "meta": ("Where it was.", None),
    },
    Readiness: {
        "status": ("Always `ok`; what is not ready answers a problem.", '"ok"'),
        "worker_seen_seconds_ago": ("Age of the worker's last heartbeat; null when there was none.", "1.5"),
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
        "remote_id": ("The record's id at the vendor, where it could be found.", '"1051"'),
        "pointer": ("JSON Pointer to the place in the vendor's record.", '"/properties/email"'),
        "detail": ("What does not fit there; never a value.", '"Expected `str`, got `int`"'),
    },
    FieldCoverage: {
        "field": ("The canonical field.", '"lifecycle_stage"'),
        "reads": ("Whether a read can supply it.", "true"),
        "creates": ("Whether it can be written on a create.", "true"),
        "updates": ("Whether it can be changed afterwards.", "true"),
        "values": ("Of an enum, the values that can be written.", '["lead", "customer"]'),
    },
}
"""Sentence and example of every field that is not of the canonical model; None where its parts have theirs."""
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
    "ContractList": ("ContractSummary", "The data contracts, in short."),
}


def _listing(name: str, item: str, meaning: str) -> Schema:
    """The list envelope around one kind of resource."""
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
    "description": "Records of this page that do not map. They block nothing: the page holds the others.",
}


def _object(name: str, meaning: str, /, **members: Schema) -> Schema:
    """An object whose members are all there."""
    return {
        "title": name,
        "description": meaning,
        "type": "object",
        "properties": members,
        "required": list(members),
    }


def _text(description: str, example: str | None, *, nullable: bool = False) -> Schema:
    """A string with its sentence and example."""
    return {
        "type": ["string", "null"] if nullable else "string",
        "description": description,
        "examples": [example],
    }


def _flag(description: str, example: bool) -> Schema:
    """A boolean with its sentence and example."""
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
    "The mapping revision that is at work for a connection.",
    name=_text("Vendor and object.", "hubspot.customer"),
    revision={"type": "integer", "description": "Its revision.", "examples": [1]},
    vendor_api=_text("The version of the vendor's API.", "v3"),
)
CONNECTION: Final = _object(
    "ConnectionCoverage",
    "What one connection does with an object; computed from its mapping.",
    vendor=_text("The product behind it.", "hubspot"),
    mapping={"$ref": COMPONENT + "ActiveMapping", "description": "The mapping that is at work."},
    actions=_ACTIONS | {"description": "The verbs that it has."},
    system_of_record=_flag("Whether calls that name no connection go there.", True),
    fields=_FIELDS | {"description": "Field by field, what is read and written."},
)
SUMMARY: Final = _object(
    "ContractSummary",
    "A data contract in one line.",
    object=_text("What it is about.", "customer"),
    version=_text("Its version (Semantic Versioning).", "1.0.0"),
    meaning=_text("What the object stands for in the business.", "A person or an organisation that buys."),
    url=_text("Where the whole contract is.", "/v1/contracts/customer"),
)
CONTRACT: Final = _object(
    "Contract",
    "A data contract, its JSON Schemas, and what each connection makes of it.",
    object=_text("What it is about.", "customer"),
    contract=_FREE
    | {
        "description": "Meaning, owners, producers, consumers, guarantees, change policy, incident handling.",
        "examples": [{"object": "customer", "version": "1.0.0"}],
    },
    schema=_FREE | {"description": "JSON Schema (draft 2020-12) of what is read.", "examples": [{"title": "Customer"}]},
    write_schema=_FREE | {"description": "JSON Schema of what is written.", "examples": [{"title": "CustomerPatch"}]},
    connections={
        "type": "object",
        "description": "By connection: what it reads and writes, field by field.",
        "additionalProperties": {"$ref": COMPONENT + "ConnectionCoverage"},
    },
)
ME: Final = _object(
    "Me",
    "The key that was sent.",
    name=_text("Its name.", "n8n"),
    scopes={
        "type": "array",
        "items": {"type": "string"},
        "description": "What it opens.",
        "examples": [["customers:read", "customers:write"]],
    },
    expires_at=_text("When it ends; null for never.", "2027-01-01T00:00:00Z", nullable=True) | {"format": "date-time"},
)
LIVENESS: Final = _object("Liveness", "The process answers.", status=_text("Always `ok`.", "ok"))
EXPLANATION: Final = _object(
    "ProblemExplanation",
    "What a problem means, whatever the request was.",
    code=_text("The code.", "not-found"),
    status={"type": "integer", "description": "Its HTTP status.", "examples": [404]},
    title=_text("In a few words.", "Nothing is found here"),
    meaning=_text("In a few more.", "There is no such route, record, or connection in the id."),
    category=_text("What kind of trouble it is.", "permanent"),
    fault=_text("Whose turn it is to change something.", "caller"),
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
"""Whole answers that are no Structs."""
