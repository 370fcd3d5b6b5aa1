"""The nodes of a workflow that call Lockstitch, and what each of them calls."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from app.cli.workflow.document import Node, Workflow
from app.http.headers import IDEMPOTENCY_KEY
from app.http.operation import ApiOperation

REQUEST_NODES: Final = ("n8n-nodes-base.httpRequest", "n8n-nodes-base.httpRequestTool")
OWN_NODES: Final = ("n8n-nodes-lockstitch.lockstitch", "n8n-nodes-lockstitch.lockstitchTool")
"""The community node. It sets key and correlation id, and waits for the operation of a 202."""
_EXPRESSION: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_HOLE: Final = "\x00"
_PATH: Final = re.compile(r"/(?:v1|ops)/[^?#'\"`\s]*")
_MEMBER: Final = re.compile(r"""["']?connection["']?\s*:\s*(?:["'](.*?)["'](?=\s*[,}])|([^,}]+))""")
_IN_URL: Final = re.compile(r"[?&]connection=((?:\{\{.*?\}\}|[^&#])+)")
HEADERS: Final = ("Headers", "headerParameters")
QUERY: Final = ("Query", "queryParameters")
_PRIVATE: Final = ("localhost", "host.docker.internal")


class LockstitchCall(Struct, frozen=True):
    """A node that calls an operation of the API."""

    node: Node
    operation: ApiOperation
    headers: dict[str, tuple[str, str]]
    """Lower-case name → value and the JSON pointer to it."""
    opaque: bool
    """Whether the headers come from an expression, so that their names are not known."""
    connection: str | None

    @property
    def writes(self) -> bool:
        """Whether the call needs an Idempotency-Key. A dry run needs none."""
        required = any(one.name == IDEMPOTENCY_KEY.name and one.required for one in self.operation.headers)
        return required and "x-lockstitch-mapping" not in self.headers and "dry_run" not in self.node.text

    @property
    def is_tool(self) -> bool:
        """Whether an agent calls the node, so that it has no branches."""
        return self.node.type.endswith("Tool")


def calls_of(workflow: Workflow, operations: list[ApiOperation], host: str | None) -> Iterator[LockstitchCall]:
    """Yield the calls of HTTP Request nodes. `host` is the public host of Lockstitch."""
    for node in workflow.nodes:
        if node.type not in REQUEST_NODES or node.disabled:
            continue
        url = str(node.parameters.get("url", ""))
        path = _path_of(url)
        if path is None or not _is_ours(node, url, host):
            continue
        operation = _operation_at(operations, str(node.parameters.get("method", "GET")), path)
        if operation is not None:
            headers, opaque = _pairs(node, HEADERS, f"{workflow.root}/nodes/{node.index}")
            yield LockstitchCall(node, operation, headers, opaque, _connection_of(node, operation, url))


def _path_of(url: str) -> str | None:
    """Return the path of a URL, with `\\x00` in place of what an expression fills in."""
    whole = re.fullmatch(r"=\s*\{\{(.*)\}\}\s*", url, re.DOTALL)
    if whole is None or "{{" in whole[1]:
        text = _EXPRESSION.sub(_HOLE, url.removeprefix("="))
    else:  # JavaScript: parts of the path are in `${…}`, or behind a plus
        text = re.sub(r"\$\{[^}]*\}|['\"]\s*\+\s*[^+'\"]+(?:\+\s*['\"])?", _HOLE, whole[1])
    match = _PATH.search(text)
    return match and match[0].rstrip("/")


def _is_ours(node: Node, url: str, host: str | None) -> bool:
    """Return whether the URL may be that of Lockstitch: not that of a vendor, whose path may begin with `/v1` too."""
    if url.startswith("={{"):
        return True
    credentials = " ".join(str(one.get("name")) for one in node.credentials.values() if isinstance(one, dict))
    name = urlsplit(url.removeprefix("=")).hostname or ""
    if "lockstitch" in f"{name} {credentials}".lower() or name in (host, *_PRIVATE) or "." not in name:
        return True
    try:
        return ip_address(name).is_private
    except ValueError:
        return False


def _operation_at(operations: list[ApiOperation], method: str, path: str) -> ApiOperation | None:
    """Return the operation of a path. One without parameters goes before one with."""
    parts = path.strip("/").split("/")

    def fits(one: ApiOperation) -> bool:
        wanted = one.template.strip("/").split("/")
        return len(wanted) == len(parts) and all(
            name.startswith("{") or name == part for name, part in zip(wanted, parts, strict=True)
        )

    return min(
        (one for one in operations if one.method == method and fits(one)),
        key=lambda one: one.template.count("{"),
        default=None,
    )


def _pairs(node: Node, names: tuple[str, str], pointer: str) -> tuple[dict[str, tuple[str, str]], bool]:
    """Return the headers or query parameters of a node with their pointers, and whether others cannot be known."""
    (kind, rows_member), parameters = names, node.parameters
    if not parameters.get(f"send{kind}"):
        return {}, False
    if parameters.get(f"specify{kind}") == "json":
        text = str(parameters.get(f"json{kind}", ""))
        written = re.findall(r'"([\w-]+)"\s*:\s*"((?:[^"\\]|\\.)*)"', text)
        place = f"{pointer}/parameters/json{kind}"
        return {name.lower(): (value, place) for name, value in written}, text.startswith("={{")
    rows: list[dict[str, Any]] = parameters.get(rows_member, {}).get("parameters", [])
    place = f"{pointer}/parameters/{rows_member}/parameters"
    return {
        str(row.get("name")).lower(): (str(row.get("value")), f"{place}/{number}/value")
        for number, row in enumerate(rows)
    }, False


def _connection_of(node: Node, operation: ApiOperation, url: str) -> str | None:
    """Return the connection that a write changes: that of the body of a copy, otherwise that of the query."""
    if operation.template.endswith("/copies"):
        rows = node.parameters.get("bodyParameters", {}).get("parameters", [])
        member = next((str(row.get("value")) for row in rows if row.get("name") == "connection"), None)
        match = _MEMBER.search(str(node.parameters.get("jsonBody", "")))
        return member or (match and (match[1] or match[2]).strip())
    query, _ = _pairs(node, QUERY, "")
    match = _IN_URL.search(url)
    return query["connection"][0] if "connection" in query else match and match[1]
