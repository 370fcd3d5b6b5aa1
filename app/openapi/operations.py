"""Describe operations from their declarations. Parameters and refusals are collected, so that operations refer to
them."""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from app.errors import CATALOGUE
from app.http.headers import Header
from app.http.operation import ApiOperation, FileBody, KeyOperation
from app.http.parameters import Parameter, PathText
from app.openapi.parts import COMMON_HEADERS, EVERYWHERE, MEANINGS, OWN_EXAMPLES, PROBLEM_HEADERS, TEXT
from app.openapi.shapes import COMPONENT, Schema, sample_of, schema_of
from app.problem_document import JSON, PROBLEM_JSON

FILE: Final = {"type": "string", "format": "binary"}
OPERATION: Final = {"$ref": f"{COMPONENT}Operation"}
KEY: Final = "YOUR_KEY"
RUN: Final = "={{$workflow.id}}-{{$execution.id}}-{{$runIndex}}-{{$itemIndex}}"
"""Differs per run and item in n8n, and is the same for its retries. In a terminal it is a constant text."""
NEEDED_QUERY: Final = {"look_up_customer": "email", "look_up_order": "number", "look_up_ticket": "external_id"}
"""The query parameter without which an operation is refused, where all of them are optional."""


class Describer:
    """Describes operations one after the other. `schemas` are the components that answers refer to.

    Without `optional_headers`, only the required headers are parameters.
    """

    def __init__(self, schemas: dict[str, Schema], public_url: str, *, optional_headers: bool) -> None:
        self._schemas = schemas
        self._public_url = public_url
        self._optional_headers = optional_headers
        self.parameters: dict[str, Schema] = {}
        self.responses: dict[str, Schema] = {}

    def describe(self, declared: ApiOperation) -> Schema:
        """Return the description of an operation."""
        first, _, rest = declared.text.partition("\n")
        summary = " ".join(first.split()).removesuffix(".")
        parameters = self._parameters(declared)
        operation: Schema = {
            "operationId": declared.name,
            "tags": [declared.tag],
            "summary": summary,
            "description": " ".join([*rest.split(), *_needed(declared)]) or summary,
            "parameters": [self._parameter(declared.name, parameter) for parameter in parameters],
            "responses": self._responses(declared),
        }
        if isinstance(declared, KeyOperation):
            operation |= {"security": [{"key": []}], "x-required-scopes": list(declared.scopes)}
        else:
            operation["security"] = []
        if isinstance(declared.body, FileBody):
            content = {declared.body.media_type: {"schema": FILE, "example": declared.body.example}}
            operation["requestBody"] = {"required": True, "content": content}
        elif declared.body is not None:
            described = {"schema": schema_of(declared.body.into), "example": declared.body.example}
            content = dict.fromkeys(declared.body.media_types, described)
            operation["requestBody"] = {"required": not declared.body.optional, "content": content}
        if isinstance(declared, KeyOperation):
            sample = curl_sample(self._public_url, declared, parameters)
            operation["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": sample}]
        return operation

    def _parameters(self, declared: ApiOperation) -> list[Schema]:
        parameters = [_path_parameter(one) for one in declared.parameters]
        parameters += [_query_parameter(one) for one in declared.query or ()]
        own = OWN_EXAMPLES.get(declared.tag, {})
        for one in parameters:
            if one["name"] in own:
                one["schema"] |= {"examples": [own[one["name"]]]}
        described = [one for one in _all_headers(declared) if one.required or self._optional_headers]
        return parameters + [_header_parameter(one, declared) for one in described]

    def _parameter(self, operation: str, parameter: Schema) -> Schema:
        """Refer to a parameter. Of several with one name, the later ones are named after their first operation."""
        known = next((key for key, one in self.parameters.items() if one == parameter), None)
        if known is None:
            known = f"{operation}.{parameter['name']}" if parameter["name"] in self.parameters else parameter["name"]
            self.parameters[known] = parameter
        return {"$ref": f"#/components/parameters/{known}"}

    def _responses(self, declared: ApiOperation) -> Schema:
        answers = {declared.status: declared.answer, **declared.also}
        responses = {str(status): self._success(declared, status, shape) for status, shape in answers.items()}
        by_status: dict[int, list[str]] = {}
        for code in problem_codes(declared):
            by_status.setdefault(CATALOGUE[code].status, []).append(code)
        for status, codes in by_status.items():
            name = self._refusal(declared, status, codes)
            if (page := responses.get(str(status))) is not None:
                page["content"] |= self.responses[name]["content"]
            else:
                responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
        return dict(sorted(responses.items()))

    def _refusal(self, declared: ApiOperation, status: int, codes: list[str]) -> str:
        """Describe the refusal with these codes. Return the name of its component."""
        patch = status == 415 and declared.method == "PATCH"
        keyed = isinstance(declared, KeyOperation)
        name = ".".join([*codes, *(["patch"] if patch else []), *([] if keyed else ["public"])])
        schema = {"$ref": f"{COMPONENT}Problem"}
        self.responses[name] = {
            "description": "; ".join(f"`{code}`: {CATALOGUE[code].title}" for code in codes) + ".",
            "headers": _headers(declared, ("Accept-Patch",) if patch else PROBLEM_HEADERS.get(status, ())),
            "content": {
                PROBLEM_JSON: {
                    "schema": schema,
                    "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
                },
                JSON: {"schema": schema},  # for a caller who names only this in Accept
            },
        }
        return name

    def _success(self, declared: ApiOperation, status: int, shape: Any) -> Schema:
        undecided = status == 202 != declared.status
        sends = [name for header in declared.headers for name in header.sends] + list(declared.sends)
        absent = {"ETag", "Idempotent-Replayed"} if undecided else set()
        if undecided and "Location" not in sends:
            sends.append("Location")
        if status not in (201, 202, 303):
            absent.add("Location")
        answer: Schema = {
            "description": "Undecided. Poll the URL in `Location`." if undecided else MEANINGS[status],
            "headers": _headers(declared, tuple(name for name in sends if name not in absent)),
        }
        if shape is None:
            return answer
        schema = schema_of(shape)
        content: Schema = {declared.media_type: {"schema": schema}}
        if "type" not in schema or schema["type"] == "array":
            written = declared.method != "GET" and schema != OPERATION
            content[declared.media_type]["example"] = sample_of(schema, self._schemas, written=written)
        content |= {media_type: {"schema": TEXT} for media_type in declared.also_media_types}
        return answer | {"content": content}


def problem_codes(declared: ApiOperation) -> tuple[str, ...]:
    """Return the codes of the problems that an operation can be refused with, in the order of the catalogue."""
    codes = {"invalid-host", "internal", *declared.problems}
    codes.update(code for header in declared.headers for code in header.problems)
    if isinstance(declared, KeyOperation):
        codes |= {"unauthenticated", "invalid-correlation-id", "not-acceptable", "rate-limited", "store-unavailable"}
        codes |= {"forbidden"} if declared.scopes else set()
        codes |= {"invalid-field"} if declared.query is not None else set()
    if declared.parameters:
        codes.add("not-found")
    if declared.method != "GET":
        codes |= {"malformed-body", "body-too-large"}
    if declared.body is not None:
        codes.add("unsupported-media-type")
    return tuple(code for code in CATALOGUE if code in codes and code not in declared.never)


def _needed(declared: ApiOperation) -> list[str]:
    if not isinstance(declared, KeyOperation):
        return []
    scopes = (" and " if declared.needs_all else " or ").join(f"`{scope}`" for scope in declared.scopes)
    optional = ", ".join(f"`{one.name}`" for one in _all_headers(declared) if not one.required)
    return [f"Scope: {scopes}." if scopes else "Any key.", f"Optional headers: {optional}."]


def _all_headers(declared: ApiOperation) -> tuple[Header[Any], ...]:
    return (*declared.headers, *COMMON_HEADERS) if isinstance(declared, KeyOperation) else declared.headers


def _path_parameter(one: PathText) -> Schema:
    schema = TEXT | {"examples": [one.example]}
    return {"name": one.name, "in": "path", "required": True, "description": one.meaning, "schema": schema}


def _query_parameter(one: Parameter[Any]) -> Schema:
    return {"name": one.name, "in": "query", "description": one.meaning, "schema": dict(one.schema)}


def _header_parameter(one: Header[Any], declared: ApiOperation) -> Schema:
    pattern = {} if one.pattern is None else {"pattern": one.pattern}
    schema = TEXT | {"examples": [one.example.replace("{operation}", word_of(declared))]} | pattern
    return {
        "name": one.name,
        "in": "header",
        "required": one.required,
        "description": one.meaning,
        "schema": schema,
    }


def _headers(declared: ApiOperation, more: tuple[str, ...]) -> Schema:
    budget = ("RateLimit", "RateLimit-Policy") if isinstance(declared, KeyOperation) else ()
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*EVERYWHERE, *budget, *more)}


def word_of(declared: ApiOperation) -> str:
    """Return the name of an operation as a part of a key."""
    return declared.name.replace("_", "-")


def curl_sample(public_url: str, declared: ApiOperation, parameters: Sequence[dict[str, Any]]) -> str:
    """Return the curl command that calls an operation at `public_url` with the examples of these parameters and its
    body. n8n imports it as it is: the value of a header that begins with `=` is an expression there."""
    examples = {(one["in"], one["name"]): one["schema"]["examples"][0] for one in parameters if one["schema"]}
    path = re.sub(r"\{(\w+)\}", lambda name: quote(examples["path", name[1]], safe=":@"), declared.template)
    needed = NEEDED_QUERY.get(declared.name)
    query = f"?{urlencode({needed: examples['query', needed]})}" if needed else ""
    lines = [f"curl -X {declared.method} {_quoted(public_url + path + query)}", f"-H 'Authorization: Bearer {KEY}'"]
    if ("header", "Idempotency-Key") in examples:
        lines.append(f"-H {_quoted(f'Idempotency-Key: {RUN}-{word_of(declared)}')}")
    if isinstance(declared.body, FileBody):
        lines += [f"-H 'Content-Type: {declared.body.media_type}'", f"--data-binary {_quoted(declared.body.example)}"]
    elif declared.body is not None:
        body = msgspec.json.format(msgspec.json.encode(declared.body.example), indent=2).decode()
        lines += [f"-H 'Content-Type: {declared.body.media_types[0]}'", f"-d {_quoted(body)}"]
    return " \\\n  ".join(lines)


def _quoted(text: str) -> str:
    """Quote for a shell."""
    return "'" + text.replace("'", "'\\''") + "'"
