"""The schemas of the OpenAPI document: the canonical ones as they are committed, and those of everything around."""

from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.errors import FieldError, ProblemDocument, VendorSays
from app.flows.operations import Resolution
from app.flows.settle import Archived
from app.ports import OperationView
from app.routes.health import Readiness
from canonical.schema import FOLDER, ROOTS, FieldText, describe
from mappings.coverage import FieldCoverage

Schema = dict[str, Any]

DEFINITION: Final = "#/$defs/"
COMPONENT: Final = "#/components/schemas/"
# How callers call what the code has a longer name for.
PUBLIC_NAMES: Final = {"ProblemDocument": "Problem", "OperationView": "Operation"}

OPERATION_ID: Final = '"op_0198f0a2b7c47d3c9a51f2e80b6c4d17"'
CORRELATION_ID: Final = '"orders-4711-1767225600000"'
TEXTS: Final[dict[type[Struct], dict[str, tuple[str, str | None]]]] = {
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
        "status": ("`ok`, or `not ready`.", '"ok"'),
        "reasons": ("Why not; empty when ready.", '["the database is not available"]'),
        "worker_seen_seconds_ago": ("Age of the worker's last heartbeat; null when there was none.", "1.5"),
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

USUALLY_NULL: Final[dict[str, tuple[str, ...]]] = {
    "Order": ("cancel_reason", "cancel_reason_raw", "cancelled_at"),
    "Ticket": ("parent_remote_id", "merged_into_remote_id", "resolved_at", "closed_at", "company_remote_id"),
}
USUALLY_EMPTY: Final[dict[str, tuple[str, ...]]] = {
    "Order": ("refunds",),
    "ResourceMeta": ("loss",),
    "Readiness": ("reasons",),
}
# Vendor, remote id, version of the vendor's API; the examples of `meta` speak of a customer.
MAPPED_BY: Final = {
    "Order": ("shopify", "5678901234", "2026-07"),
    "Ticket": ("zendesk", "4711", "v2"),
    "Comment": ("zendesk", "1274", "v2"),
}


@lru_cache(maxsize=1)
def component_schemas() -> dict[str, Schema]:
    """Every schema by its name, references inside `#/components/schemas/`."""
    return dict(sorted((canonical_schemas() | _around()).items()))


def canonical_schemas() -> dict[str, Schema]:
    """The committed files, taken apart into their objects.

    Raises ValueError where two files mean different things by one name.
    """
    found: dict[str, Schema] = {}
    for file in ROOTS:
        schema = msgspec.json.decode(FOLDER.joinpath(f"{file}.json").read_bytes())
        root = {key: value for key, value in schema.items() if key not in ("$schema", "$id", "$defs")}
        for name, definition in ({root["title"]: root} | schema.get("$defs", {})).items():
            moved = _moved(definition)
            if found.setdefault(name, moved) != moved:
                raise ValueError(f"two schemas are called {name}, and differ")
    return found


def sample_of(schema: Schema, *, written: bool = False) -> Any:
    """One instance made of the examples of a schema's leaves; what is shown beside it in the document.

    `written`: as an answer to a write, with the members of `meta` that only those have.
    """
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(COMPONENT)
        return _usual(name, sample_of(component_schemas()[name], written=written))
    if schema.get("examples"):
        return schema["examples"][0]
    if "anyOf" in schema:
        return sample_of(next(option for option in schema["anyOf"] if option != {"type": "null"}), written=written)
    if schema.get("type") == "array":
        return [sample_of(schema["items"], written=written)]
    left_out = {"raw"} if written else {"raw", "operation_id", "correlation_id"}
    required = schema.get("required", ())
    return {
        name: sample_of(member, written=written)
        for name, member in schema.get("properties", {}).items()
        if name in required or name not in left_out
    }


def _usual(name: str, sample: Any) -> Any:
    """A whole resource as it usually is: some fields empty though they have an example, `meta` of its own vendor."""
    for member in USUALLY_NULL.get(name, ()):
        sample[member] = None
    for member in USUALLY_EMPTY.get(name, ()):
        sample[member] = []
    if name in MAPPED_BY:
        vendor, remote_id, vendor_api = MAPPED_BY[name]
        sample["meta"] |= {
            "connection": vendor,
            "vendor": vendor,
            "remote_id": remote_id,
            "remote_url": f"https://{vendor}.example/{remote_id}",
            "links": [{"connection": vendor, "remote_id": remote_id}],
            "mapping": {"name": f"{vendor}.{name.lower()}", "revision": 1, "vendor_api": vendor_api},
            "unsupported": [],
        }
    return sample


def _around() -> dict[str, Schema]:
    schemas: dict[str, Schema] = {}
    for struct in TEXTS:
        for name, schema in describe(struct, _texts_of).items():
            if name not in canonical_schemas():
                schemas[PUBLIC_NAMES.get(name, name)] = _moved(schema)
    operation = schemas["Operation"]["properties"]
    results = ("Customer", "Order", "Ticket", "Comment", "Archived")
    operation["result"] = operation["result"] | {"anyOf": [{"$ref": COMPONENT + name} for name in results]}
    return schemas | _lists() | _small_answers()


def _texts_of(struct: type[Struct]) -> dict[str, FieldText]:
    return {
        name: FieldText(sentence=sentence, example=None if example is None else msgspec.Raw(example.encode()))
        for name, (sentence, example) in TEXTS.get(struct, {}).items()
    }


def _lists() -> dict[str, Schema]:
    of: dict[str, tuple[str, str]] = {
        "CustomerList": ("Customer", "A page of customers."),
        "OrderList": ("Order", "A page of orders."),
        "TicketList": ("Ticket", "A page of tickets."),
        "CommentList": ("Comment", "A page of the comments of a ticket."),
        "OperationList": ("Operation", "A page of operations."),
        "ContractList": ("ContractSummary", "The data contracts, in short."),
    }
    return {
        name: _object(
            name,
            meaning,
            data={
                "type": "array",
                "items": {"$ref": COMPONENT + item},
                "description": "May hold fewer than `limit` while `has_more` is true.",
            },
            next_cursor=_text("Send it as `cursor` to get the next page; null on the last one.", None, nullable=True),
            has_more=_flag("Whether there are more pages.", False),
        )
        for name, (item, meaning) in of.items()
    }


def _small_answers() -> dict[str, Schema]:
    free = {"type": "object", "additionalProperties": True}
    actions = {"type": "array", "items": {"type": "string"}, "examples": [["create", "update", "upsert", "archive"]]}
    fields = {"type": "array", "items": {"$ref": COMPONENT + "FieldCoverage"}}
    revision = _object(
        "ActiveMapping",
        "The mapping revision that is at work for a connection.",
        name=_text("Vendor and object.", "hubspot.customer"),
        revision={"type": "integer", "description": "Its revision.", "examples": [1]},
        vendor_api=_text("The version of the vendor's API.", "v3"),
    )
    connection = _object(
        "ConnectionCoverage",
        "What one connection does with an object; computed from its mapping.",
        vendor=_text("The product behind it.", "hubspot"),
        mapping={"$ref": COMPONENT + "ActiveMapping", "description": "The mapping that is at work."},
        actions=actions | {"description": "The verbs that it has."},
        system_of_record=_flag("Whether calls that name no connection go there.", True),
        fields=fields | {"description": "Field by field, what is read and written."},
    )
    summary = _object(
        "ContractSummary",
        "A data contract in one line.",
        object=_text("What it is about.", "customer"),
        version=_text("Its version (Semantic Versioning).", "1.0.0"),
        meaning=_text("What the object stands for in the business.", "A person or an organisation that buys."),
        url=_text("Where the whole contract is.", "/v1/contracts/customer"),
    )
    whole = _object(
        "Contract",
        "A data contract, its JSON Schemas, and what each connection makes of it.",
        object=_text("What it is about.", "customer"),
        contract=free
        | {
            "description": "Meaning, owners, producers, consumers, guarantees, change policy, incident handling.",
            "examples": [{"object": "customer", "version": "1.0.0"}],
        },
        schema=free
        | {"description": "JSON Schema (draft 2020-12) of what is read.", "examples": [{"title": "Customer"}]},
        write_schema=free
        | {"description": "JSON Schema of what is written.", "examples": [{"title": "CustomerPatch"}]},
        connections={
            "type": "object",
            "description": "By connection: what it reads and writes, field by field.",
            "additionalProperties": {"$ref": COMPONENT + "ConnectionCoverage"},
        },
    )
    me = _object(
        "Me",
        "The key that was sent.",
        name=_text("Its name.", "n8n"),
        scopes={
            "type": "array",
            "items": {"type": "string"},
            "description": "What it opens.",
            "examples": [["customers:read", "customers:write"]],
        },
        expires_at=_text("When it ends; null for never.", "2027-01-01T00:00:00Z", nullable=True)
        | {"format": "date-time"},
    )
    live = _object("Liveness", "The process answers.", status=_text("Always `ok`.", "ok"))
    explained = _object(
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
    itself = free | {
        "title": "OpenApi",
        "description": "An OpenAPI 3.1 document.",
        "examples": [{"openapi": "3.1.0", "info": {"title": "Lockstitch", "version": "1.0.0"}}],
    }
    return {shape["title"]: shape for shape in (itself, revision, connection, summary, whole, me, live, explained)}


def _object(name: str, meaning: str, /, **members: Schema) -> Schema:
    return {
        "title": name,
        "description": meaning,
        "type": "object",
        "properties": members,
        "required": list(members),
    }


def _text(description: str, example: str | None, *, nullable: bool = False) -> Schema:
    return {
        "type": ["string", "null"] if nullable else "string",
        "description": description,
        "examples": [example],
    }


def _flag(description: str, example: bool) -> Schema:
    return {"type": "boolean", "description": description, "examples": [example]}


def _moved(schema: Schema) -> Schema:
    """The same schema with its references where OpenAPI keeps them."""

    def follow(part: Any) -> Any:
        if isinstance(part, dict):
            return {
                key: _renamed(value) if key == "$ref" and isinstance(value, str) else follow(value)
                for key, value in part.items()
            }
        return [follow(inner) for inner in part] if isinstance(part, list) else part

    moved: Schema = follow(schema)
    moved["title"] = PUBLIC_NAMES.get(moved["title"], moved["title"])
    return moved


def _renamed(reference: str) -> str:
    name = reference.removeprefix(DEFINITION)
    return COMPONENT + PUBLIC_NAMES.get(name, name)
