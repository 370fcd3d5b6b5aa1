"""The OpenAPI 3.1 document, built from the table of calls and the committed schemas, and its HTML page."""

from functools import lru_cache
from typing import Any, Final

import msgspec
from litestar import Response, route

from app.errors import CATALOGUE, Problem, VendorProblem, document_of
from app.http.admission import AnyRequest
from app.http.deps import HttpDeps, deps_of
from app.http.mapping_header import MAPPING_HEADER
from app.http.responses import Answered
from app.openapi.calls.call import Call
from app.openapi.operations import CALLS
from app.openapi.page import render_page
from app.openapi.parts import (
    ANSWER_HEADERS,
    BODIES,
    EVERYWHERE,
    HEADERS,
    INTRODUCTION,
    PATHS,
    PATTERNS,
    PROBLEM_HEADERS,
    QUERIES,
    TAGS,
    TEXT,
)
from app.openapi.shapes import component_schemas, sample_of
from app.openapi.texts import COMPONENT
from app.problem_document import JSON, PROBLEM_JSON, VendorSays
from app.telemetry import name_route

Schema = dict[str, Any]
VERSION: Final = "1.0.0"
LOCATED: Final = ("Redrive", "SubscriptionWithSecret", "Upload")
"""Answers with a URL of their own after creation, in addition to the resources."""
PAGE_HEADERS: Final = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}


@lru_cache(maxsize=4)
def document(public_url: str) -> Schema:
    """Build the document of an API that callers reach at `public_url`."""
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
        "tags": [{"name": tag, "description": text} for tag, text in TAGS.items()],
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
    """Serve the document as JSON."""
    name_route("/schema/openapi.json")
    return Response(_document_text(deps_of(request, HttpDeps).public_url), media_type=JSON)


@route("/schema", http_method=["GET"], name="API reference")
async def openapi_page(request: AnyRequest) -> Answered:
    """Serve the document as HTML."""
    name_route("/schema")
    page = _page_text(deps_of(request, HttpDeps).public_url)
    return Response(page, media_type="text/html", headers=PAGE_HEADERS)


# Public, without a key: cache the text, so that many requests cost little.
@lru_cache(maxsize=4)
def _document_text(public_url: str) -> bytes:
    return msgspec.json.encode(document(public_url))


@lru_cache(maxsize=4)
def _page_text(public_url: str) -> bytes:
    return render_page(document(public_url)).encode()


SCHEMA_HANDLERS: Final = [openapi_json, openapi_page]


def _example_problem(kind: type[Problem]) -> Any:
    """Build an example of a problem. `detail` differs in each case."""
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
        kinds = [JSON] + (["application/merge-patch+json"] if call.method == "patch" else [])
        shown = {"schema": {"$ref": COMPONENT + call.body}, "example": BODIES[call.body]}
        operation["requestBody"] = {"required": not call.body_optional, "content": dict.fromkeys(kinds, shown)}
    if call.body_text is not None:
        media_type, example = call.body_text
        operation["requestBody"] = {"required": True, "content": {media_type: {"schema": TEXT, "example": example}}}
    return operation


def _parameters(call: Call) -> list[Schema]:
    found: list[Schema] = [
        {"name": name, "in": "path", "required": True, "description": text, "schema": TEXT, "example": example}
        for name, (text, example) in PATHS.items()
        if f"{{{name}}}" in call.path
    ]
    for name in call.queries:
        schema = {key: value for key, value in QUERIES[name].items() if key != "description"}
        sent_as = name.rpartition(".")[2]
        found.append({"name": sent_as, "in": "query", "description": QUERIES[name]["description"], "schema": schema})
    for name in call.headers:
        text, example, required = HEADERS[name]
        pattern = {"pattern": PATTERNS[name]} if name in PATTERNS else {}
        found.append(
            {
                "name": name,
                "in": "header",
                "required": required,
                "description": text,
                "schema": TEXT | {"examples": [example]} | pattern,
            }
        )
    return found


def _responses(call: Call) -> Schema:
    responses = {str(status): _success(call, status) for status in (call.status, *call.also)}
    by_status: dict[int, list[str]] = {}
    for code in ("invalid-host", *call.problems):
        by_status.setdefault(CATALOGUE[code].status, []).append(code)
    for status, codes in by_status.items():
        responses[str(status)] = _refusal(call, status, codes)
    return dict(sorted(responses.items()))


def _refusal(call: Call, status: int, codes: list[str]) -> Schema:
    more = PROBLEM_HEADERS.get(status, ())
    if status == 415 and call.method == "patch":
        more = ("Accept-Patch",)
    told = "; ".join(f"`{code}`: {CATALOGUE[code].title}" for code in codes)
    schema = {"$ref": COMPONENT + "Problem"}
    examples = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
    return {
        "description": told + ".",
        "headers": _headers(call, more),
        "content": {
            PROBLEM_JSON: {"schema": schema, "examples": examples},
            JSON: {"schema": schema},  # for a caller who names only this in Accept
        },
    }


def _success(call: Call, status: int) -> Schema:
    meanings = {
        200: "Done.",
        201: "Created.",
        202: "Undecided. Poll the URL in `Location`." if _is_undecided(call, status) else "Recorded.",
        204: "Done. The answer has no body.",
        304: "Unchanged.",
    }
    told: Schema = {
        "description": meanings[status],
        "headers": _headers(call, _of_success(call, status)),
    }
    if status in (204, 304):
        return told
    name = "Operation" if _is_undecided(call, status) else call.other_answers.get(status, call.answer)
    if name is None:
        return told | {"content": {call.media_type: {"schema": TEXT}}}
    written = call.method != "get" and name not in ("Operation", "OperationList")
    schema: Schema = {"$ref": COMPONENT + name}
    if status == 200 and written and MAPPING_HEADER in call.headers and name != "DraftedWrite":
        schema = {"anyOf": [schema, {"$ref": COMPONENT + "DraftedWrite"}]}
    content: Schema = {call.media_type: {"schema": schema, "example": sample_of(schema, written=written)}}
    if call.name == "explain_problem":
        content["text/html"] = {"schema": TEXT}
    return told | {"content": content}


def _is_undecided(call: Call, status: int) -> bool:
    """Return whether the answer is an operation in progress, not the result of the call."""
    return status == 202 and call.status != 202


def _of_success(call: Call, status: int) -> tuple[str, ...]:
    """Return the headers of this answer, without those that all answers have."""
    single = call.answer in ("Customer", "Order", "Ticket", "Event") and status != 202
    told = {
        "ETag": single,
        "Location": _is_undecided(call, status) or (status in (201, 202) and (single or call.answer in LOCATED)),
        "Idempotent-Replayed": "Idempotency-Key" in call.headers and not (status == 202 != call.status),
        "Preference-Applied": "Prefer" in call.headers,
        "Link": ("cursor" in call.queries and call.tag != "Operations") or "events.after" in call.queries,
        "Retry-After": status == 503,
    }
    return tuple(name for name, there in told.items() if there)


def _headers(call: Call, more: tuple[str, ...]) -> Schema:
    budget = () if call.open else ("RateLimit", "RateLimit-Policy")
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*EVERYWHERE, *budget, *more)}
