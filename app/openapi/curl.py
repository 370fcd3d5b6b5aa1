"""Curl commands of the operations, for `x-codeSamples`. n8n imports them as they are: the value of a header that begins
with `=` is an expression there."""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from app.http.operation import ApiOperation, FileBody

KEY: Final = "YOUR_KEY"
RUN: Final = "={{$workflow.id}}-{{$execution.id}}-{{$runIndex}}-{{$itemIndex}}"
"""Differs per run and item in n8n, and is the same for its retries. In a terminal it is a constant text."""
NEEDED_QUERY: Final = {"look_up_customer": "email", "look_up_order": "number", "look_up_ticket": "external_id"}
"""The query parameter without which an operation is refused, where all of them are optional."""


def word_of(declared: ApiOperation) -> str:
    """Return the name of an operation as a part of a key."""
    return declared.name.replace("_", "-")


def curl_sample(public_url: str, declared: ApiOperation, parameters: Sequence[dict[str, Any]]) -> str:
    """Return the command that calls an operation at `public_url` with the examples of these parameters and its body."""
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
