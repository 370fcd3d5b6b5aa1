"""Judge a workflow by the rules for calls of Lockstitch."""

import re
from collections.abc import Iterator
from typing import Any, Final

from app.cli.workflow.calls import OWN_NODES, LockstitchCall
from app.cli.workflow.document import Node, Workflow

Breach = tuple[str, Node, str]
"""A rule, the node, and the pointer from the workflow down."""

_CHANGING: Final = re.compile(r"\$now|\$today|\bDate\b|Math\.random|uuid", re.IGNORECASE)
_OWN_INPUT: Final = re.compile(r"(?<![\w.)])\$json\b")
_LOOKS_AT_202: Final = re.compile(r"\b202\b|queued|executing|operation\.finished")
_LOOKS_AT_ERRORS: Final = {
    **dict.fromkeys(("if", "switch", "filter"), re.compile(r"statusCode|\.code\b|error|\.status\b")),
    "code": re.compile(r"\berror\b|problem|>= ?400"),
}
_TELLS_APART: Final = re.compile(r"\b404\b|\b503\b|not-found|retryable")
_WAITS: Final = re.compile(r"operation|202|wait|undecided", re.IGNORECASE)
_SECRET: Final = re.compile(
    r"\b(?:lsk|whsec|sk_live|sk_test|rk_live|shpat|shpss|gh[pousr]|xox[abps])[_-][A-Za-z0-9+/=_-]{8,}"
    r"|\bpat-[a-z]{2}\d?-[0-9a-f-]{16,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.|\bAKIA[A-Z0-9]{16}\b"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|\b(?:Bearer|Basic) [A-Za-z0-9+/=._-]{12,}"
)
_CREDENTIAL_HEADERS: Final = {"authorization", "x-api-key", "api-key", "cookie", "x-shopify-access-token"}


def breaches_of(workflow: Workflow, calls: list[LockstitchCall]) -> Iterator[Breach]:
    """Yield what breaks a rule, in the order of the nodes."""
    for call in calls:
        yield from _key(workflow, call, calls)
        yield from _headers(call)
        if not call.is_tool:
            yield from _branches(workflow, call)
    for node in workflow.nodes:
        if node.type in OWN_NODES and not node.disabled:
            yield from _own_node(workflow, node)
        for pointer, text in _texts(node.parameters, f"/nodes/{node.index}/parameters"):
            if _SECRET.search(text):
                yield "secret-in-file", node, pointer


def _key(workflow: Workflow, call: LockstitchCall, calls: list[LockstitchCall]) -> Iterator[Breach]:
    if not call.writes:
        return
    node, (key, pointer) = call.node, call.headers.get("idempotency-key", ("", f"/nodes/{call.node.index}/parameters"))
    if not key.strip():
        if not call.opaque:
            yield "write-without-key", node, pointer
        return
    if "{{" not in key:
        yield "key-constant", node, pointer
        return
    if _is_new_each_try(key):
        yield "key-changes-each-try", node, pointer
    meaning = workflow.expand(node, key)
    if not _names_workflow(workflow, meaning):
        yield "key-without-workflow", node, pointer
    if "$execution.id" not in meaning and not _names_target(call, key, meaning):
        yield "key-without-target", node, pointer
    if any(other.headers.get("idempotency-key", ("", ""))[0] == key and _differs(call, other) for other in calls):
        yield "key-shared", node, pointer


def _own_node(workflow: Workflow, node: Node) -> Iterator[Breach]:
    """Judge a community node. It adds workflow and connection to a business key, and waits unless told otherwise."""
    place, options = f"/nodes/{node.index}", node.parameters.get("options", {})
    key, pointer = str(options.get("businessKey", "")), f"{place}/parameters/options/businessKey"
    if key.strip() and "{{" not in key:
        yield "key-constant", node, pointer
    elif _is_new_each_try(key):
        yield "key-changes-each-try", node, pointer
    if node.type.endswith("Tool"):
        return
    if options.get("undecided") == "return" and _is_read(workflow, node) and not _awaits(workflow, node):
        yield "no-202-branch", node, place
    if _fails_unheard(workflow, node):
        yield "no-error-branch", node, place
    is_read = node.parameters.get("operation") in ("get", "lookup")
    if is_read and _creates_after_any_failure(workflow, node, f"/v1/{node.parameters.get('resource')}s"):
        yield "unavailable-as-absent", node, place


def _is_read(workflow: Workflow, node: Node) -> bool:
    """Return whether a later node reads what this one puts out."""
    texts = [one.text for one in workflow.downstream(node.name, 0)]
    next_texts = [one.text for one in workflow.after(node.name, 0)]
    return any(f"$('{node.name}')" in text for text in texts) or any(_OWN_INPUT.search(text) for text in next_texts)


def _is_new_each_try(key: str) -> bool:
    return any(_CHANGING.search(inner) for inner in re.findall(r"\{\{(.*?)\}\}", key, re.DOTALL))


def _names_workflow(workflow: Workflow, meaning: str) -> bool:
    words = [workflow.id, re.sub(r"\W+", "-", workflow.name.lower()).strip("-")]
    return "$workflow." in meaning or any(word and word in meaning for word in words)


def _names_target(call: LockstitchCall, key: str, meaning: str) -> bool:
    """Return whether a change of the connection changes the key."""
    connection = call.connection
    if connection is None:
        return True
    if "{{" in connection or "$" in connection:
        return _bare(connection) in _bare(f"{key} {meaning}")
    return re.search(rf"(?<![a-z0-9]){re.escape(connection)}(?![a-z0-9])", meaning) is not None


def _bare(expression: str) -> str:
    return re.sub(r"[\s=+'\"]|\{\{|\}\}", "", expression)


def _differs(call: LockstitchCall, other: LockstitchCall) -> bool:
    """Return whether two nodes write different things. A node that repeats a write keeps its key."""
    mine, theirs = call.node.parameters, other.node.parameters
    members = ("method", "url", "queryParameters", "jsonBody", "bodyParameters")
    return any(mine.get(member) != theirs.get(member) for member in members)


def _headers(call: LockstitchCall) -> Iterator[Breach]:
    if "x-correlation-id" not in call.headers and not call.opaque and not call.operation.template.startswith("/health"):
        yield "no-correlation-id", call.node, f"/nodes/{call.node.index}/parameters"
    for name, (value, pointer) in call.headers.items():
        if name in _CREDENTIAL_HEADERS and "{{" not in value and not _SECRET.search(value):
            yield "secret-in-file", call.node, pointer


def _branches(workflow: Workflow, call: LockstitchCall) -> Iterator[Breach]:
    node, place = call.node, f"/nodes/{call.node.index}"
    if call.writes and 202 in call.operation.also and not _awaits(workflow, node):
        yield "no-202-branch", node, place
    if _fails_unheard(workflow, node):
        yield "no-error-branch", node, place
    if call.operation.method == "GET" and _creates_after_any_failure(
        workflow, node, "/".join(call.operation.template.split("/")[:3])
    ):
        yield "unavailable-as-absent", node, place


def _awaits(workflow: Workflow, writing: Node) -> bool:
    """Return whether a node behind a write asks whether it is decided."""
    return any(
        _LOOKS_AT_202.search(node.text)
        or (node.kind == "executeWorkflow" and _WAITS.search(f"{node.name} {node.text}"))
        or (node.type in OWN_NODES and node.parameters.get("resource") == "operation")
        for node in workflow.downstream(writing.name, 0)
    )


def _fails_unheard(workflow: Workflow, node: Node) -> bool:
    if node.on_error == "continueErrorOutput":
        return not workflow.after(node.name, 1)
    if node.on_error == "continueRegularOutput" or node.continue_on_fail or _never_fails(node):
        reached = [one for one in workflow.downstream(node.name, 0) if one.kind in _LOOKS_AT_ERRORS]
        return not any(_LOOKS_AT_ERRORS[one.kind].search(one.text) for one in reached)
    return not workflow.settings.get("errorWorkflow")


def _never_fails(node: Node) -> bool:
    """Return whether the node passes on a refusal like a success: the option Never Error."""
    return bool(node.parameters.get("options", {}).get("response", {}).get("response", {}).get("neverError"))


def _creates_after_any_failure(workflow: Workflow, node: Node, collection: str) -> bool:
    """Return whether a create in the same collection follows a failed read without a look at its status."""
    passes_on = node.on_error == "continueRegularOutput" or node.continue_on_fail or _never_fails(node)
    if node.on_error != "continueErrorOutput" and not passes_on:
        return False
    reached = workflow.downstream(node.name, 0 if passes_on else 1, past=lambda one: not _TELLS_APART.search(one.text))
    return any(_creates(one, collection) for one in reached)


def _creates(node: Node, collection: str) -> bool:
    """Return whether a node creates a record, in a collection such as `/v1/customers`."""
    parameters = node.parameters
    if node.type in OWN_NODES:
        return (parameters.get("operation"), f"/v1/{parameters.get('resource')}s") == ("create", collection)
    is_post = node.kind == "httpRequest" and parameters.get("method") == "POST"
    return is_post and re.search(rf"{collection}(?:\?|$)", str(parameters.get("url"))) is not None


def _texts(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield each text of a JSON value with its pointer."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{pointer}/{number}")
