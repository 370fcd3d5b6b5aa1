"""Compare two versions of a workflow by what they do."""

import re
from collections.abc import Iterator
from typing import Any, Final, Literal

from msgspec import Struct

from app.cli.workflow.document import Node, Workflow

_IGNORED: Final = {"id", "name", "position", "webhookId", "credentials"}
_LABELS: Final = ("name", "leftValue", "id")
"""What a row of a list is known by. n8n makes the ids of rows anew."""
_CACHED: Final = {"cachedResultName", "cachedResultUrl"}
_NOTE: Final = "stickyNote"
_ABSENT: Final = object()


class WorkflowChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change. `path` is a JSON pointer in the node or the workflow, in which rows of lists have their names."""

    kind: Literal["added", "removed", "changed", "renamed"]
    what: Literal["node", "connection", "workflow"]
    name: str
    path: str | None = None
    old: Any = None
    new: Any = None


def changes_between(old: Workflow, new: Workflow) -> Iterator[WorkflowChange]:
    """Yield what differs in meaning: not positions, pinned data, ids of rows or versions."""
    pairs = _pairs(old, new)
    names = {before.name: after.name for before, after in pairs}
    yield from _members("workflow", new.name, _settings(old), _settings(new), names)
    for node in old.nodes:
        if node.name not in names:
            yield WorkflowChange(kind="removed", what="node", name=node.name, old=node.type)
    for node in new.nodes:
        if node.name not in names.values():
            yield WorkflowChange(kind="added", what="node", name=node.name, new=node.type)
    for before, after in pairs:
        if before.name != after.name:
            yield WorkflowChange(kind="renamed", what="node", name=after.name, old=before.name, new=after.name)
        yield from _members("node", after.name, _content(before), _content(after), names)
    links = {(names.get(a, a), kind, output, names.get(b, b)) for a, kind, output, b in old.links()}
    for link in sorted(links - set(new.links())):
        yield WorkflowChange(kind="removed", what="connection", name=_arrow(*link))
    for link in sorted(set(new.links()) - links):
        yield WorkflowChange(kind="added", what="connection", name=_arrow(*link))


def _pairs(old: Workflow, new: Workflow) -> list[tuple[Node, Node]]:
    """Match nodes by name, and those that remain by id."""
    by_name = {node.name: node for node in new.nodes}
    pairs = [(node, by_name[node.name]) for node in old.nodes if node.name in by_name]
    known = {node.name for pair in pairs for node in pair}
    by_id = {node.id: node for node in new.nodes if node.id and node.name not in known}
    rest = [node for node in old.nodes if node.name not in known and node.id in by_id]
    return pairs + [(node, by_id[node.id]) for node in rest if by_id[node.id].type == node.type]


def _settings(workflow: Workflow) -> dict[str, Any]:
    tags = sorted(str(tag.get("name")) if isinstance(tag, dict) else str(tag) for tag in workflow.tags)
    return {"name": workflow.name, "active": workflow.active, "settings": workflow.settings, "tags": tags}


def _content(node: Node) -> dict[str, Any]:
    if node.kind == _NOTE:
        return {"content": node.parameters.get("content")}
    return {name: value for name, value in node.source.items() if name not in _IGNORED} | {
        "credentials": {kind: one.get("name") for kind, one in node.credentials.items()}
    }


def _members(
    what: Literal["node", "workflow"], name: str, old: Any, new: Any, names: dict[str, str], path: str = ""
) -> Iterator[WorkflowChange]:
    """Yield each leaf that differs. Expressions of the old version name the nodes as they are called now."""
    old, new = _by_label(old), _by_label(new)
    if isinstance(old, dict) and isinstance(new, dict):
        for member in [*old, *(one for one in new if one not in old)]:
            if member not in _CACHED:
                values = old.get(member, _ABSENT), new.get(member, _ABSENT)
                yield from _members(what, name, *values, names, f"{path}/{member}")
        return
    if isinstance(old, str):
        old = re.sub(r"(\$\(['\"])([^'\"]+)(['\"]\))", lambda one: f"{one[1]}{names.get(one[2], one[2])}{one[3]}", old)
    if old is _ABSENT:
        yield WorkflowChange(kind="added", what=what, name=name, path=path, new=new)
    elif new is _ABSENT:
        yield WorkflowChange(kind="removed", what=what, name=name, path=path, old=old)
    elif old != new:
        yield WorkflowChange(kind="changed", what=what, name=name, path=path, old=old, new=new)


def _by_label(value: Any) -> Any:
    """Return a list of objects as an object: by a member that tells them apart, otherwise by their places."""
    if not isinstance(value, list) or not value or not all(isinstance(row, dict) for row in value):
        return value
    rows = [{name: inner for name, inner in row.items() if name != "id" or len(row) == 1} for row in value]
    for label in _LABELS:
        labels = [row.get(label) for row in rows]
        if all(isinstance(one, str) for one in labels) and len(set(labels)) == len(labels):
            return dict(zip(labels, rows, strict=True))
    return {str(number): row for number, row in enumerate(rows)}


def _arrow(source: str, kind: str, output: int, target: str) -> str:
    return f"{source} [{kind} {output}] -> {target}"
