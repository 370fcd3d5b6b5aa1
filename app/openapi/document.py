"""The OpenAPI 3.1 document, assembled from the declarations of the operations and the committed schemas."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from app import VERSION
from app.errors import CATALOGUE, VendorProblem
from app.http.operation import ApiOperation, JsonBody, declaration_of
from app.openapi.operations import Describer
from app.openapi.parts import ANSWER_HEADERS, TEXT
from app.openapi.shapes import Schema, component_schemas
from app.openapi.texts import INTRODUCTION, TAGS
from app.problem_document import Problem, VendorSays, document_of
from app.records.fetch import UnreadableRecord


def document(public_url: str, handlers: Sequence[HTTPRouteHandler], *, optional_headers: bool = False) -> Schema:
    """Build the document of an API that serves these handlers, and that callers reach at `public_url`.

    Tools that import it fill in every header that it describes. So it describes the optional ones only on request.
    Raises ValueError if two Structs have one public name and differ.
    """
    operations = [declaration_of(handler) for handler in handlers]
    schemas = component_schemas([UnreadableRecord, *(shape for one in operations for shape in _shapes(one))])
    describer = Describer(schemas, public_url, optional_headers=optional_headers)
    paths: dict[str, Schema] = {}
    for one in operations:
        paths.setdefault(one.template, {})[one.method.lower()] = describer.describe(one)
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
            "schemas": schemas,
            "parameters": describer.parameters,
            "responses": describer.responses,
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


def _shapes(declared: ApiOperation) -> list[Any]:
    """Return what an operation answers with and takes."""
    body = [declared.body.into] if isinstance(declared.body, JsonBody) else []
    return [declared.answer, *declared.also.values(), *body]


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
