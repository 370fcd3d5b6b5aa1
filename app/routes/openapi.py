"""The OpenAPI 3.1 document, made of the table of calls and the committed schemas, and the page that shows it."""

from functools import lru_cache
from typing import Any, Final

import msgspec
from litestar import Response, route

from app.errors import CATALOGUE, Problem, VendorProblem, VendorSays, document_of
from app.routes.admission import AnyRequest
from app.routes.answers import json_response
from app.routes.openapi_operations import CALLS, Call
from app.routes.openapi_page import render_page
from app.routes.openapi_shapes import COMPONENT, component_schemas, sample_of
from app.routes.resources import Answered
from app.routes.services import services_of
from app.telemetry import name_route

Schema = dict[str, Any]
VERSION: Final = "1.0.0"
TEXT: Final = {"type": "string"}
PAGE_HEADERS: Final = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
INTRODUCTION: Final = """\
Send `Authorization: Bearer lsk_…` with every call that needs a key; `lockstitch key create` makes one, and its
scopes say what it opens.

Every call that changes something at a vendor carries an `Idempotency-Key` and has exactly one effect, however often
it is sent. Records of answers live 7 days by default.

`X-Correlation-ID` ties the calls of one workflow run together: in answers, logs and traces.

Every refusal is a problem document (RFC 9457) whose `code` a program decides by and whose `next_step` says what a
person can do. Bodies are JSON in UTF-8, at most 1 MiB; what is not known is refused, never dropped. HEAD works
wherever GET does."""

QUERIES: Final[dict[str, Schema]] = {
    "connection": TEXT
    | {"description": "Which connection; the object's system of record when left out.", "examples": ["hubspot"]},
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": 250,
        "default": 50,
        "description": "Most resources in a page; a page may hold fewer while `has_more` is true.",
        "examples": [50],
    },
    "cursor": TEXT | {"description": "`next_cursor` of the page before, as it was given.", "examples": ["q7Jm3wT0"]},
    "updated_since": TEXT
    | {
        "format": "date-time",
        "description": "Only what changed at or after this time (RFC 3339 with a zone).",
        "examples": ["2026-05-01T00:00:00Z"],
    },
    "email": TEXT | {"description": "Exactly this address.", "examples": ["ann@example.com"]},
    "number": TEXT | {"description": "Exactly this number, as people call it.", "examples": ["#1001"]},
    "external_id": TEXT | {"description": "Exactly this key of the caller's own.", "examples": ["crm-77"]},
    "status": TEXT | {"description": "Exactly this canonical status.", "examples": ["open"]},
    "state": {
        "enum": ["queued", "executing", "succeeded", "failed", "unknown"],
        "description": "Only operations in this state.",
        "examples": ["unknown"],
    },
    "include": {"enum": ["raw"], "description": "`raw` adds the vendor's own payload.", "examples": ["raw"]},
    "upsert_on": {
        "enum": ["email", "external_id"],
        "description": "Update the record that holds this value, or create one.",
        "examples": ["email"],
    },
    "lossy": {
        "enum": ["accept"],
        "description": "Drop fields that the vendor has no place for, and list them in `meta.loss`.",
        "examples": ["accept"],
    },
}
HEADERS: Final[dict[str, tuple[str, str, bool]]] = {
    "Idempotency-Key": (
        "1-255 visible ASCII characters, bare or quoted; it stands for one request.",
        "run-1-0",
        True,
    ),
    "X-Correlation-ID": ("Ties the calls of one workflow run together; made when absent.", "orders-4711", False),
    "traceparent": ("W3C Trace Context.", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", False),
    "Prefer": ("`wait=N`: seconds to wait, 0 to 30 (RFC 7240).", "wait=10", False),
    "If-Match": ("Only if the record still has this entity tag.", '"4d801e8b078e9c01"', False),
    "If-None-Match": ("304 if the record still has this entity tag.", '"4d801e8b078e9c01"', False),
}
PATHS: Final[dict[str, tuple[str, str]]] = {
    "id": ("A canonical id, or `<connection>:<vendor id>`.", "cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"),
    "object": ("customer, order or ticket.", "customer"),
    "code": ("A problem's code.", "not-found"),
}
ANSWER_HEADERS: Final[dict[str, tuple[str, str]]] = {
    "X-Correlation-ID": ("The run that this call belongs to.", "orders-4711"),
    "traceresponse": (
        "This call's span (W3C Trace Context).",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    "RateLimit": ("What is left of the key's budget (IETF draft).", '"default";r=199;t=1'),
    "RateLimit-Policy": ("The key's budget (IETF draft).", '"default";q=600;w=60'),
    "ETag": ("Strong entity tag of the resource.", '"4d801e8b078e9c014d801e8b078e9c01"'),
    "Location": ("Where the new resource, or the operation, is.", "/v1/customers/cus_0198f0a2b7c47d3c9a51f2e80b6c4d17"),
    "Idempotent-Replayed": ("`true` when this is the recorded answer; absent when it is fresh.", "true"),
    "Preference-Applied": ("The preference that was honoured.", "wait=10"),
    "Link": ("The next page, `rel=next` (RFC 8288); absent on the last one.", '</v1/customers?cursor=…>; rel="next"'),
    "Retry-After": ("Whole seconds to wait.", "1"),
    "WWW-Authenticate": ("How to authenticate (RFC 6750).", 'Bearer realm="lockstitch"'),
    "Accept-Patch": ("The media types that PATCH takes (RFC 5789).", "application/json, application/merge-patch+json"),
}
EVERYWHERE: Final = ("X-Correlation-ID", "traceresponse")
PROBLEM_HEADERS: Final[dict[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    409: ("Retry-After",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


@lru_cache(maxsize=4)
def document(public_url: str) -> Schema:
    """The whole document for an API that callers reach at `public_url`."""
    paths: dict[str, Schema] = {}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method] = _operation(call)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lockstitch",
            "version": VERSION,
            "summary": "One dependable JSON API over business systems: customers, orders, tickets.",
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url, "description": "This Lockstitch."}],
        "security": [{"key": []}],
        "tags": [{"name": tag, "description": text} for tag, text in _tags().items()],
        "paths": paths,
        "components": {
            "schemas": component_schemas(),
            "examples": {
                code: {"summary": kind.title, "value": _example_problem(kind)} for code, kind in CATALOGUE.items()
            },
            "headers": {
                name: {"description": text, "schema": TEXT | {"examples": [example]}}
                for name, (text, example) in ANSWER_HEADERS.items()
            },
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key: `lsk_` and 256 random bits."}
            },
        },
    }


@route("/schema/openapi.json", http_method=["GET"], name="OpenAPI document")
async def openapi_json(request: AnyRequest) -> Answered:
    """The document for programs."""
    name_route("/schema/openapi.json")
    return json_response(document(services_of(request).seam.public_url))


@route("/schema", http_method=["GET"], name="API reference")
async def openapi_page(request: AnyRequest) -> Answered:
    """The document for people."""
    name_route("/schema")
    page = render_page(document(services_of(request).seam.public_url))
    return Response(page.encode(), media_type="text/html", headers=PAGE_HEADERS)


SCHEMA_HANDLERS: Final = [openapi_json, openapi_page]


def _tags() -> dict[str, str]:
    return {
        "Customers": "People and organisations that buy, ask or are talked to.",
        "Orders": "What was bought, what it cost, and how far it has come.",
        "Tickets": "What somebody asked for, and the comments that follow.",
        "Operations": "What became of a write.",
        "About": "The caller, the contracts, the problems.",
        "Health": "For probes and scrapers.",
    }


def _example_problem(kind: type[Problem]) -> Any:
    """A problem as it looks; what it is about stands in `detail` and differs each time."""
    says = VendorSays(connection="hubspot", status=409, code="CONFLICT", detail="Contact already exists")
    example = document_of(
        kind(vendor=says if issubclass(kind, VendorProblem) else None, retry_after=1 if kind.retryable else None),
        public_url="https://lockstitch.example",
        instance="/v1/customers",
        correlation_id="orders-4711",
    )
    return msgspec.to_builtins(example)


def _operation(call: Call) -> Schema:
    scopes = " or ".join(f"`{scope}`" for scope in call.scopes)
    needs = "" if call.open else f" Scope: {scopes}." if call.scopes else " Any key."
    operation: Schema = {
        "operationId": call.name,
        "tags": [call.tag],
        "summary": call.summary,
        "description": (call.description + needs).strip() or call.summary,
        "parameters": _parameters(call),
        "responses": _responses(call),
    }
    operation["security"] = [] if call.open else [{"key": [scope]} for scope in call.scopes] or [{"key": []}]
    if call.body is not None:
        kinds = ["application/json"] + (["application/merge-patch+json"] if call.method == "patch" else [])
        shown = {"schema": {"$ref": COMPONENT + call.body}, "example": _example_of(call.body)}
        operation["requestBody"] = {"required": True, "content": dict.fromkeys(kinds, shown)}
    return operation


def _example_of(body: str) -> Any:
    """A request that means something: not every field at once, since some exclude each other."""
    examples: dict[str, Any] = {
        "CustomerPatch": {
            "first_name": "Ann",
            "last_name": "Bell",
            "emails": [{"address": "ann@example.com", "is_primary": True}],
        },
        "OrderPatch": {
            "currency": "EUR",
            "customer": {"email": "ann@example.com"},
            "line_items": [{"name": "Mug", "quantity": "2", "unit_price": "5.00"}],
        },
        "OrderCancel": {"reason": "customer", "restock": True},
        "TicketPatch": {
            "subject": "Late parcel",
            "description": "Order #1001 has not arrived.",
            "requester": {"name": "Ann Bell", "email": "ann@example.com"},
        },
        "CommentPatch": {"body_text": "It is on its way.", "visibility": "public"},
        "Resolution": {"outcome": "succeeded", "remote_id": "1051"},
    }
    return examples[body]


def _parameters(call: Call) -> list[Schema]:
    found: list[Schema] = [
        {"name": name, "in": "path", "required": True, "description": text, "schema": TEXT, "example": example}
        for name, (text, example) in PATHS.items()
        if f"{{{name}}}" in call.path
    ]
    for name in call.queries:
        schema = {key: value for key, value in QUERIES[name].items() if key != "description"}
        found.append({"name": name, "in": "query", "description": QUERIES[name]["description"], "schema": schema})
    for name in call.headers:
        text, example, required = HEADERS[name]
        found.append(
            {
                "name": name,
                "in": "header",
                "required": required,
                "description": text,
                "schema": TEXT | {"examples": [example]},
            }
        )
    return found


def _responses(call: Call) -> Schema:
    responses = {str(status): _success(call, status) for status in (call.status, *call.also)}
    by_status: dict[int, list[str]] = {}
    for code in call.problems:
        by_status.setdefault(CATALOGUE[code].status, []).append(code)
    for status, codes in by_status.items():
        responses[str(status)] = _refusal(call, status, codes)
    return dict(sorted(responses.items()))


def _refusal(call: Call, status: int, codes: list[str]) -> Schema:
    more = PROBLEM_HEADERS.get(status, ())
    if status == 415 and call.method == "patch":
        more = ("Accept-Patch",)
    told = "; ".join(f"`{code}`: {CATALOGUE[code].title}" for code in codes)
    content = {
        "schema": {"$ref": COMPONENT + "Problem"},
        "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
    }
    return {
        "description": told + ".",
        "headers": _headers(call, more),
        "content": {"application/problem+json": content},
    }


def _success(call: Call, status: int) -> Schema:
    meanings = {
        200: "Done.",
        201: "Made.",
        202: "Not decided yet; the operation says where to look.",
        304: "Unchanged.",
    }
    told: Schema = {
        "description": meanings.get(status, "Not ready; the reasons say why."),
        "headers": _headers(call, _of_success(call, status)),
    }
    if status == 304:
        return told
    name = "Operation" if status == 202 else call.answer
    if name is None:
        return told | {"content": {call.media_type: {"schema": TEXT}}}
    written = call.method != "get" and name not in ("Operation", "OperationList")
    schema = {"$ref": COMPONENT + name}
    content: Schema = {call.media_type: {"schema": schema, "example": sample_of(schema, written=written)}}
    if call.name == "explain_problem":
        content["text/html"] = {"schema": TEXT}
    return told | {"content": content}


def _of_success(call: Call, status: int) -> tuple[str, ...]:
    """The headers that this answer may have beside those that all have."""
    single = call.answer in ("Customer", "Order", "Ticket") and status != 202
    told = {
        "ETag": single,
        "Location": status == 202 or (status == 201 and single),
        "Idempotent-Replayed": "Idempotency-Key" in call.headers and status != 202,
        "Preference-Applied": "Prefer" in call.headers,
        "Link": "cursor" in call.queries and call.tag != "Operations",
        "Retry-After": status == 503,
    }
    return tuple(name for name, there in told.items() if there)


def _headers(call: Call, more: tuple[str, ...]) -> Schema:
    budget = () if call.open else ("RateLimit", "RateLimit-Policy")
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*EVERYWHERE, *budget, *more)}
