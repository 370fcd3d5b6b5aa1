"""An exported n8n workflow: its nodes, and what follows what."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from app.cli.exits import usage

_NAMED: Final = r"\$\('([^']+)'\)|\$\(\"([^\"]+)\"\)|\$node\[[\"']([^\"']+)[\"']\]"
_REFERENCE: Final = re.compile(rf"(?:{_NAMED})(?:\.(?:first|last|all)\(\)|\.item)?\.json\.(\w+)")
_OWN: Final = re.compile(r"(?<![\w.$)])\$json\.(\w+)")
_DEEPEST: Final = 5


class Node(Struct, rename="camel"):
    """A node as n8n stores it. `index` is its place in the file, `source` the whole of it."""

    name: str
    type: str
    id: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    credentials: dict[str, Any] = field(default_factory=dict)
    on_error: str = "stopWorkflow"
    continue_on_fail: bool = False
    disabled: bool = False
    index: int = 0
    source: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The type without its package."""
        return self.type.rpartition(".")[2]

    @property
    def text(self) -> str:
        """The parameters as one text, to search for words."""
        return msgspec.json.encode(self.parameters).decode()


class Workflow(Struct, rename="camel"):
    """An n8n workflow. `root` is the JSON pointer to it in its file, which may hold several."""

    name: str
    nodes: list[Node]
    connections: dict[str, dict[str, list[list[Any] | None]]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    id: str = ""
    active: bool = False
    tags: list[Any] = field(default_factory=list)
    root: str = ""

    def links(self) -> Iterator[tuple[str, str, int, str]]:
        """Yield each connection as source, type, output and target."""
        for source, types in self.connections.items():
            for kind, outputs in types.items():
                for output, targets in enumerate(outputs):
                    yield from ((source, kind, output, target["node"]) for target in targets or ())

    def after(self, name: str, output: int) -> list[Node]:
        """Return the nodes directly behind an output."""
        names = {
            target for source, kind, number, target in self.links() if (source, kind, number) == (name, "main", output)
        }
        return [node for node in self.nodes if node.name in names]

    def before(self, name: str) -> list[Node]:
        """Return the nodes directly before a node."""
        names = {source for source, _, _, target in self.links() if target == name}
        return [node for node in self.nodes if node.name in names]

    def downstream(self, name: str, output: int, *, past: Callable[[Node], bool] = lambda _: True) -> list[Node]:
        """Return the nodes that an output reaches. Nodes of which `past` is false are the last of their path."""
        reached: dict[str, Node] = {}
        waiting = self.after(name, output)
        while waiting:
            node = waiting.pop()
            if node.name in reached:
                continue
            reached[node.name] = node
            if past(node):
                waiting += [follower for number in range(8) for follower in self.after(node.name, number)]
        return list(reached.values())

    def expand(self, node: Node, text: str, depth: int = 0) -> str:
        """Replace references to values of Set and Code nodes by what those nodes say."""
        if depth == _DEEPEST:
            return text

        def named(match: re.Match[str]) -> str:
            source = next((one for one in self.nodes if one.name in match.groups()[:3]), None)
            return self._value(source, match[4], depth) or match[0]

        def own(match: re.Match[str]) -> str:
            values = (self._value(source, match[1], depth) for source in self.before(node.name))
            return next((value for value in values if value), match[0])

        return _OWN.sub(own, _REFERENCE.sub(named, text))

    def _value(self, source: Node | None, member: str, depth: int) -> str | None:
        if source is None:
            return None
        if source.kind == "code":
            return str(source.parameters.get("jsCode", ""))
        rows = source.parameters.get("assignments", {}).get("assignments", []) if source.kind == "set" else []
        value = next((str(row.get("value")) for row in rows if row.get("name") == member), None)
        return None if value is None else self.expand(source, value, depth + 1)


def read_workflows(file: Path) -> list[Workflow]:
    """Return the workflows of an export. Exits with USAGE_ERROR if the file is none."""
    try:
        content = msgspec.json.decode(file.read_bytes())
        several = isinstance(content, list)
        workflows = [msgspec.convert(one, Workflow) for one in (content if several else [content])]
    except OSError as error:
        usage(f"{file}: {error.strerror}.")
    except msgspec.MsgspecError as error:
        usage(f"{file}: not an n8n workflow: {error}. Export one with: n8n export:workflow --id=ID --output=FILE")
    for number, workflow in enumerate(workflows):
        workflow.root = f"/{number}" if several else ""
        sources = (content[number] if several else content)["nodes"]
        for index, (node, source) in enumerate(zip(workflow.nodes, sources, strict=True)):
            node.index, node.source = index, source
    return workflows
