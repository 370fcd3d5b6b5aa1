"""Idempotency keys: for a day, a repeat of a request with its key gets the first answer.

A request that fails validation, before its endpoint began, is not remembered: correct it and send it again under the
same key.
"""

import base64
import hashlib

from emulators.http import Answer, Call
from emulators.state import State
from emulators.stripe.errors import other_parameters

LIFE = 24 * 3600.0
LONGEST = 255


def remembered(state: State, call: Call) -> Answer | None:
    """Return the first answer to this key, or the refusal of another request with it; None for a new key or without
    one."""
    key = call.headers.get("idempotency-key")
    if key is None or call.method != "POST":
        return None
    kept = state.recall(_name(key))
    if kept is None:
        return None
    if kept["request"] != _digest(call):
        return other_parameters(key)
    answer = Answer(status=kept["status"], headers=kept["headers"], body=base64.b64decode(kept["body"]))
    return answer.with_headers({"idempotent-replayed": "true"})


def remember(state: State, call: Call, answer: Answer) -> None:
    """Remember the answer to a request with a key."""
    key = call.headers.get("idempotency-key")
    if key is None or call.method != "POST":
        return
    kept = {
        "request": _digest(call),
        "status": answer.status,
        "headers": answer.headers,
        "body": base64.b64encode(answer.body).decode(),
    }
    state.remember(_name(key), kept, LIFE)


def _name(key: str) -> str:
    return f"idempotency:{key[:LONGEST]}"


def _digest(call: Call) -> str:
    return hashlib.sha256(call.path.encode() + b"\0" + call.body).hexdigest()
