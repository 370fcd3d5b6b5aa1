"""What may be wrong with a workflow, and what to do about it."""

from typing import Final, Literal

from msgspec import Struct

Level = Literal["error", "warning"]


class WorkflowFinding(Struct, frozen=True, kw_only=True):
    """A broken rule: in which node, and where in the file. It never holds a secret."""

    rule: str
    level: Level
    file: str
    workflow: str
    node: str
    pointer: str
    why: str
    next_step: str


_TARGET_KEY: Final = "{{ $workflow.id }}-{{ $json.id }}-{{ the connection }}"
RULES: Final[dict[str, tuple[Level, str, str]]] = {
    "write-without-key": (
        "error",
        "This write has no Idempotency-Key. Lockstitch refuses it.",
        "Add the header Idempotency-Key: {{ $workflow.id }}-{{ $execution.id }}-{{ $runIndex }}-{{ $itemIndex }}.",
    ),
    "key-constant": (
        "error",
        "The key is the same for every item and execution. Only the first write has an effect.",
        f"Put into the key what the write is about, for example {_TARGET_KEY}.",
    ),
    "key-changes-each-try": (
        "error",
        "The key is new on each try. A repetition writes a second time.",
        "Make the changing part once, in the first node of the workflow, and refer to it.",
    ),
    "key-without-workflow": (
        "error",
        "The key does not name its workflow. A copy of the workflow uses the same keys for other writes.",
        "Begin the key with {{ $workflow.id }}.",
    ),
    "key-without-target": (
        "error",
        "The key does not name its target. With another connection, each write is refused as idempotency-key-reused.",
        f"Put the connection into the key, by the same expression: {_TARGET_KEY}.",
    ),
    "key-shared": (
        "error",
        "Another node uses this key for another write. The second of them is refused as idempotency-key-reused.",
        "End each of the keys with a word of its own.",
    ),
    "no-202-branch": (
        "error",
        "Nothing behind this node looks for 202: Lockstitch still executes the write, and the body is an operation.",
        "Return the full response, and add an If node on {{ $json.statusCode }} = 202. Then wait for the operation.",
    ),
    "no-error-branch": (
        "error",
        "A failure of this call ends where no one looks.",
        "Set On Error to Continue (using error output) and connect that output, or name an error workflow.",
    ),
    "unavailable-as-absent": (
        "error",
        "A record is created after any failure of this read. But 503 does not mean that there is no record.",
        "Create only if {{ $json.details.body.status }} is 404, or write with upsert_on and without a read.",
    ),
    "secret-in-file": (
        "error",
        "The file holds a secret. Everyone who can read the file has it.",
        "Move it to a credential of n8n, and replace it where it was issued.",
    ),
    "no-correlation-id": (
        "warning",
        "The call has no X-Correlation-ID. You cannot find it together with the other calls of the run.",
        "Make one id in the first node, and send it as X-Correlation-ID in every call.",
    ),
}
"""Level, why and next step of each rule."""
