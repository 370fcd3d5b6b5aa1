"""Our schema against Shopify's own introspection: names and types that both contain must agree."""

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)

ROOT = Path(__file__).resolve().parents[3]
SDL = ROOT / "emulators" / "shopify" / "schema"


@pytest.fixture(scope="module")
def ours() -> GraphQLSchema:
    return build_schema("\n".join(file.read_text() for file in sorted(SDL.glob("*.graphql"))))


@pytest.fixture(scope="module")
def theirs(shared_folder: Path) -> dict[str, Any]:
    """An introspection of 2026-07, trimmed to customers and orders. What is not in it is opaque to this test."""
    file = shared_folder / "vendor-specs" / "shopify" / "admin-graphql-2026-07.trimmed.json"
    return json.loads(file.read_text())


def _known(ours: GraphQLSchema, theirs: dict[str, Any], *kinds: type) -> list[tuple[Any, dict[str, Any]]]:
    known = [
        (kind, theirs["types"][name])
        for name, kind in ours.type_map.items()
        if name in theirs["types"] and isinstance(kind, kinds)
    ]
    assert known
    return known


def test_fields_and_their_types(ours: GraphQLSchema, theirs: dict[str, Any]) -> None:
    for kind, published in _known(ours, theirs, GraphQLObjectType, GraphQLInterfaceType):
        for name, field in kind.fields.items():
            assert name in published["fields"], f"{kind.name}.{name} is not Shopify's"
            assert str(field.type) == published["fields"][name]["type"], f"{kind.name}.{name}"


def test_arguments_and_their_types(ours: GraphQLSchema, theirs: dict[str, Any]) -> None:
    for kind, published in _known(ours, theirs, GraphQLObjectType):
        for name, field in kind.fields.items():
            arguments = published["fields"][name].get("args") or {}
            for argument, declared in field.args.items():
                assert str(declared.type) == arguments.get(argument), f"{kind.name}.{name}({argument}:)"


def test_deprecations(ours: GraphQLSchema, theirs: dict[str, Any]) -> None:
    known = ("deprecated", "deprecationReason")
    for kind, published in _known(ours, theirs, GraphQLObjectType):
        if kind.name == "CustomerPhoneNumber":
            # Everything about consent is deprecated there in favour of a field that the trimmed file lacks.
            continue
        for name, field in kind.fields.items():
            is_old = any(published["fields"][name].get(word) for word in known)
            assert (field.deprecation_reason is not None) == is_old, f"{kind.name}.{name}"


def test_inputs(ours: GraphQLSchema, theirs: dict[str, Any]) -> None:
    for kind, published in _known(ours, theirs, GraphQLInputObjectType):
        for name, field in kind.fields.items():
            assert str(field.type) == published["inputFields"].get(name), f"{kind.name}.{name}"


def test_enums(ours: GraphQLSchema, theirs: dict[str, Any]) -> None:
    for kind, published in _known(ours, theirs, GraphQLEnumType):
        unknown = set(kind.values) - set(published["enumValues"])
        assert not unknown, f"{kind.name} has {unknown}"


def test_whole_enums_where_readers_depend_on_all_values(ours: GraphQLSchema, theirs: dict[str, Any]) -> None:
    for name in (
        "CustomerState",
        "OrderCancelReason",
        "OrderDisplayFinancialStatus",
        "OrderDisplayFulfillmentStatus",
        "OrderTransactionKind",
        "OrderTransactionStatus",
    ):
        kind = ours.type_map[name]
        assert isinstance(kind, GraphQLEnumType)
        assert set(kind.values) == set(theirs["types"][name]["enumValues"])


@pytest.mark.parametrize("root", ["queries", "mutations"])
def test_root_fields(ours: GraphQLSchema, theirs: dict[str, Any], root: str) -> None:
    kind = ours.query_type if root == "queries" else ours.mutation_type
    assert kind is not None
    fields_checked = 0
    for name, field in kind.fields.items():
        published = theirs[root].get(name)
        if published is None:
            continue
        fields_checked += 1
        assert str(field.type) == published["type"], name
        for argument, declared in field.args.items():
            assert str(declared.type) == published["args"].get(argument), f"{name}({argument}:)"
    assert fields_checked > 5


def test_abstract_types_have_the_members_they_have_at_shopify(ours: GraphQLSchema, theirs: dict[str, Any]) -> None:
    kind = ours.type_map["DiscountApplication"]
    assert isinstance(kind, GraphQLInterfaceType)
    members = {one.name for one in ours.get_possible_types(kind)}
    assert members == set(theirs["types"]["DiscountApplication"]["possibleTypes"])
