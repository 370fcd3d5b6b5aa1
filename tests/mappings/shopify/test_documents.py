"""The GraphQL documents fit Shopify's published schema, and so does what is sent along.

The schema is trimmed: types that it lacks are opaque, and selections on them are not checked.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    print_ast,
)

from mappings.http import VendorRequest
from mappings.shopify import documents
from tests.required import required

from .conftest import variables
from .every_request import REQUESTS, parsed

Schema = dict[str, Any]
# Deprecated, and without the successor that the deprecation names: it is not in this version yet.
NO_SUCCESSOR = {("CustomerPhoneNumber", "marketingState"), ("CustomerPhoneNumber", "marketingUpdatedAt")}


class Checked:
    """One document against the trimmed schema."""

    def __init__(self, schema: Schema, document: DocumentNode) -> None:
        self.types: Schema = schema["types"]
        self.roots: Schema = {"query": schema["queries"], "mutation": schema["mutations"]}
        nodes = document.definitions
        self.fragments = {node.name.value: node for node in nodes if isinstance(node, FragmentDefinitionNode)}
        (self.operation,) = (node for node in nodes if isinstance(node, OperationDefinitionNode))
        self.declared = {
            node.variable.name.value: print_ast(node.type) for node in self.operation.variable_definitions or ()
        }
        self.complaints: list[str] = []
        for node in self.operation.selection_set.selections:
            assert isinstance(node, FieldNode)
            field = self.roots[self.operation.operation.value].get(node.name.value)
            if field is not None:
                self._field(node, "Root", field)

    def _select(self, selected: SelectionSetNode, kind: str) -> None:
        for node in selected.selections:
            if isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                self._select(fragment.selection_set, fragment.type_condition.name.value)
            elif isinstance(node, InlineFragmentNode):
                self._select(node.selection_set, node.type_condition.name.value if node.type_condition else kind)
            elif isinstance(node, FieldNode) and node.name.value != "__typename":
                fields = self.types.get(kind, {}).get("fields")
                if fields is not None:
                    self._known(node, kind, fields)

    def _known(self, node: FieldNode, kind: str, fields: Schema) -> None:
        field = fields.get(node.name.value)
        if field is None:
            self.complaints.append(f"{kind} has no {node.name.value}")
            return
        deprecated = field.get("deprecationReason") or field.get("isDeprecated") or field.get("deprecated")
        if deprecated and (kind, node.name.value) not in NO_SUCCESSOR:
            self.complaints.append(f"{kind}.{node.name.value} is deprecated")
        self._field(node, kind, field)

    def _field(self, node: FieldNode, kind: str, field: Schema) -> None:
        arguments: Schema = field.get("args") or {}
        for argument in node.arguments or ():
            wanted = arguments.get(argument.name.value)
            if wanted is None:
                self.complaints.append(f"{kind}.{node.name.value} takes no {argument.name.value}")
            elif isinstance(argument.value, VariableNode):
                declared = self.declared[argument.value.name.value]
                if declared.rstrip("!") != wanted.rstrip("!") or (wanted.endswith("!") and not declared.endswith("!")):
                    self.complaints.append(f"{node.name.value}({argument.name.value}) is {wanted}, not {declared}")
        for name, wanted in arguments.items():
            if wanted.endswith("!") and name not in {argument.name.value for argument in node.arguments or ()}:
                self.complaints.append(f"{kind}.{node.name.value} needs {name}")
        inner = field["type"].strip("[]!")
        if node.selection_set is not None:
            self._select(node.selection_set, inner)
        elif self.types.get(inner, {}).get("fields"):
            self.complaints.append(f"{kind}.{node.name.value} needs a selection")

    def input(self, kind: str, value: Any, path: str) -> None:
        """A variable's value against the input type that it is declared as."""
        if kind.endswith("!"):
            if value is None:
                self.complaints.append(f"{path} is null")
            return self.input(kind[:-1], value, path) if value is not None else None
        if value is None:
            return None
        if kind.startswith("["):
            for place, one in enumerate(value):
                self.input(kind[1:-1], one, f"{path}[{place}]")
            return None
        fields = self.types.get(kind, {}).get("inputFields") or {}
        if not fields or not isinstance(value, dict):
            return None
        for name, one in value.items():
            if name not in fields:
                self.complaints.append(f"{path} has no {name}")
            else:
                inner = fields[name] if isinstance(fields[name], str) else fields[name]["type"]
                self.input(inner, one, f"{path}.{name}")
        return None


@pytest.fixture(scope="module")
def schema(shared: Path) -> Schema:
    return json.loads((shared / "vendor-specs/shopify/admin-graphql-2026-07.trimmed.json").read_text())


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.route)
def test_a_request_fits_the_schema(request_: VendorRequest, schema: Schema) -> None:
    checked = Checked(schema, parsed(request_))

    sent = variables(request_)
    for name, kind in checked.declared.items():
        checked.input(kind, sent.get(name), f"${name}")
    assert checked.complaints == []
    assert sent.keys() == checked.declared.keys()
    # Once where it is declared, and once more at least where it is used.
    mentioned = Counter(re.findall(r"\$(\w+)", print_ast(parsed(request_))))
    assert {name for name, times in mentioned.items() if times > 1} == checked.declared.keys()


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.route)
def test_a_route_is_the_operation_of_the_document(request_: VendorRequest) -> None:
    (operation,) = (one for one in parsed(request_).definitions if isinstance(one, OperationDefinitionNode))

    assert request_.route == f"/graphql {required(operation.name).value}"
    assert request_.effect is (operation.operation.value == "mutation")


def test_every_document_is_sent_by_some_request() -> None:
    sent = {msgspec.json.decode(request.body or b"")["query"] for request in REQUESTS}
    named = {name: text for name, text in vars(documents).items() if isinstance(text, str) and name.isupper()}

    assert {name for name, text in named.items() if parseable(text) and text not in sent} == set()


def parseable(text: str) -> bool:
    """Whether a constant is a whole document and no part of one."""
    return text.lstrip().startswith(("query", "mutation"))
