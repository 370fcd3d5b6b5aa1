"""Each breaking-change rule refuses its example and says what to do; what is compatible passes."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final, get_args

import msgspec
import pytest

from canonical.compatibility import ADVICE, Addition, Breach, Change, Rule, changes
from canonical.released import contract_changes, contract_of
from canonical.schema import ROOTS, render

Schema = dict[str, Any]
Edit = Callable[[Schema], object]


def after(name: str, edit: Edit) -> tuple[Change, ...]:
    """What the judge says about an edit of the schema."""
    released = msgspec.json.decode(render(name), type=Schema)
    present = deepcopy(released)
    edit(present)
    return changes(name, released, present)


def rename(members: Schema, old: str, new: str) -> None:
    members[new] = members.pop(old)


BREAKING: Final[list[tuple[Rule, str, Edit, str]]] = [
    ("field-removed", "customer", lambda s: s["properties"].pop("order_stats"), "order_stats"),
    ("field-removed", "ticket", lambda s: s["$defs"]["Follower"]["properties"].pop("kind"), "followers[].kind"),
    ("field-renamed", "customer", lambda s: rename(s["properties"], "job_title", "role"), "job_title"),
    ("type-changed", "order", lambda s: s["properties"]["is_test"].update(type=["string", "null"]), "is_test"),
    ("type-changed", "order", lambda s: s["properties"]["number"].update(type="string"), "number"),
    ("type-changed", "ticket", lambda s: s["properties"]["status"].pop("enum"), "status"),
    ("type-changed", "ticket", lambda s: s["properties"]["number"].update(enum=["1"]), "number"),
    (
        "type-changed",
        "customer",
        lambda s: s["$defs"]["Email"]["properties"]["address"].update(type="array"),
        "emails[].address",
    ),
    ("required-added", "customer-write", lambda s: s["required"].append("emails"), "emails"),
    ("required-added", "customer", lambda s: s["required"].append("raw"), "raw"),
    (
        "required-added",
        "ticket-write",
        lambda s: (s["properties"].update(severity={"type": "string"}), s["required"].append("severity")),
        "severity",
    ),
    ("required-withdrawn", "order", lambda s: s["required"].remove("totals"), "totals"),
    (
        "default-changed",
        "comment-write",
        lambda s: s["properties"]["visibility"].update(default="private"),
        "visibility",
    ),
    ("default-changed", "comment-write", lambda s: s["properties"]["visibility"].pop("default"), "visibility"),
    ("format-changed", "order", lambda s: s["properties"]["placed_at"].update(format="date"), "placed_at"),
    ("format-changed", "order-write", lambda s: s["properties"]["currency"].update(pattern="^[a-z]{3}$"), "currency"),
    ("format-changed", "ticket-write", lambda s: s["properties"]["subject"].update(maxLength=80), "subject"),
    (
        "unit-changed",
        "ticket",
        lambda s: s["$defs"]["Attachment"]["properties"]["size"].update(description="Size in kilobytes."),
        "attachments[].size",
    ),
    (
        "unit-changed",
        "order-write",
        lambda s: s["$defs"]["LineItemPatch"]["properties"]["unit_price"].update(
            description="Price of one after discounts; needed for a free line."
        ),
        "line_items[].unit_price",
    ),
    (
        "meaning-changed",
        "ticket",
        lambda s: s["properties"]["resolved_at"].update(description="When it was first solved; read-only."),
        "resolved_at",
    ),
    ("value-removed", "customer", lambda s: s["properties"]["status"]["enum"].remove("blocked"), "status"),
    (
        "value-removed",
        "order-write",
        lambda s: s["$defs"]["DiscountPatch"]["properties"]["type"]["enum"].remove("shipping"),
        "discounts[].type",
    ),
    ("closed-to-growth", "customer", lambda s: s.update(additionalProperties=False), ""),
    ("closed-to-growth", "customer", lambda s: s["$defs"]["Email"].update(additionalProperties=False), "emails[]"),
]
COMPATIBLE: Final[list[tuple[str, Edit]]] = [
    ("customer", lambda s: (s["properties"].update(pronouns={"type": "string"}), s["required"].append("pronouns"))),
    ("customer-write", lambda s: s["properties"].update(pronouns={"type": ["string", "null"]})),
    ("order", lambda s: s["properties"]["status"]["enum"].append("in_review")),
    ("order-write", lambda s: s["$defs"]["DiscountPatch"]["properties"]["type"]["enum"].append("loyalty")),
    ("ticket-write", lambda s: s["properties"]["subject"].update(maxLength=2000)),
    ("ticket-write", lambda s: s["properties"]["subject"].pop("maxLength")),
    ("order-write", lambda s: s["$defs"]["LineItemPatch"].update(required=[])),
    ("order", lambda s: s["properties"]["number"].update(examples=["#2002"])),
    ("ticket", lambda s: rename(s["$defs"], "Unused", "Other") if "Unused" in s["$defs"] else None),
]


@pytest.mark.parametrize(("rule", "name", "edit", "field"), BREAKING)
def test_a_breaking_change_is_refused_by_its_rule_with_advice(rule: Rule, name: str, edit: Edit, field: str) -> None:
    (breach,) = (one for one in after(name, edit) if isinstance(one, Breach))

    assert (breach.rule, breach.schema, breach.field) == (rule, name, field)
    assert breach.was != breach.now
    assert str(breach).startswith(name)
    assert str(breach).endswith(ADVICE[rule])


@pytest.mark.parametrize(("name", "edit"), COMPATIBLE)
def test_a_compatible_change_passes(name: str, edit: Edit) -> None:
    assert [one for one in after(name, edit) if isinstance(one, Breach)] == []


def holding(member: Schema, **parts: Schema) -> Schema:
    """A schema of what is read, with this one member."""
    return {"type": "object", "properties": {"a": member}, "required": [], "$defs": parts}


def one_of(key: str, *parts: str) -> Schema:
    return {key: [{"$ref": f"#/$defs/{part}"} for part in parts]}


TEXT: Final[Schema] = {"type": "string"}
WHOLE: Final[Schema] = {"type": "integer"}
X: Final[Schema] = {"type": "object", "properties": {"x": TEXT}}
Y: Final[Schema] = {"type": "object", "properties": {"y": TEXT}}
QUIET: Final[list[tuple[str, Schema, Schema, Rule, str]]] = [
    ("items lose their type", {"type": "array", "items": TEXT}, {"type": "array"}, "type-changed", "a[]"),
    ("items get a type", {"type": "array"}, {"type": "array", "items": TEXT}, "type-changed", "a[]"),
    (
        "the sentence of an item",
        {"type": "array", "items": {"type": "string", "description": "Net."}},
        {"type": "array", "items": {"type": "string", "description": "Gross."}},
        "meaning-changed",
        "a[]",
    ),
    (
        "values of a map",
        {"type": "object", "additionalProperties": TEXT},
        {"type": "object", "additionalProperties": WHOLE},
        "type-changed",
        "a.*",
    ),
    ("a map gets a type", {"type": "object"}, {"type": "object", "additionalProperties": TEXT}, "type-changed", "a.*"),
    ("a map closes", {"type": "object"}, {"type": "object", "additionalProperties": False}, "closed-to-growth", "a"),
    ("a map becomes a record", {"type": "object"}, X, "type-changed", "a"),
    ("a limit that is excluded", WHOLE, WHOLE | {"exclusiveMinimum": 0}, "format-changed", "a"),
    ("a count of members", {"type": "object"}, {"type": "object", "minProperties": 1}, "format-changed", "a"),
    ("a constant", TEXT | {"const": "a"}, TEXT | {"const": "b"}, "format-changed", "a"),
    ("a coding", TEXT, TEXT | {"contentEncoding": "base64"}, "format-changed", "a"),
    ("null leaves a list of values", {"enum": ["a", None]}, {"enum": ["a"]}, "type-changed", "a"),
    ("a number comes to a list of words", {"enum": ["1"]}, {"enum": ["1", 1]}, "type-changed", "a"),
    ("another choice", {"oneOf": [TEXT]}, {"oneOf": [WHOLE]}, "type-changed", "a"),
    ("another part", one_of("oneOf", "X", "Y"), one_of("oneOf", "X", "Z"), "type-changed", "a"),
    ("one part fewer", one_of("anyOf", "X", "Y"), one_of("anyOf", "X"), "type-changed", "a"),
]


@pytest.mark.parametrize(("was", "now", "rule", "field"), [case[1:] for case in QUIET], ids=[case[0] for case in QUIET])
def test_a_new_schema_is_checked_too(was: Schema, now: Schema, rule: Rule, field: str) -> None:
    parts = {"X": X, "Y": Y, "Z": Y}

    differences = changes("customer", holding(was, **parts), holding(now, **parts))

    assert [(one.rule, one.field) for one in differences if isinstance(one, Breach)] == [(rule, field)]


def test_each_part_of_a_choice_is_compared_with_itself() -> None:
    choice = one_of("anyOf", "X", "Y")

    (breach,) = changes(
        "customer", holding(choice, X=X, Y=Y), holding(choice, X={"type": "object", "properties": {}}, Y=Y)
    )

    assert isinstance(breach, Breach)
    assert (breach.rule, breach.field) == ("field-removed", "a.x")


def test_a_closed_part_of_what_is_written_refuses_what_it_took() -> None:
    was = holding({"type": "object", "properties": {}}) | {"additionalProperties": False}
    now = holding({"type": "object", "properties": {}, "additionalProperties": False}) | {"additionalProperties": False}

    (breach,) = changes("customer-write", was, now)

    assert isinstance(breach, Breach)
    assert (breach.rule, breach.field) == ("closed-to-growth", "a")


def test_what_a_schema_says_of_itself_and_of_its_parts_is_meaning() -> None:
    was = holding(TEXT, Sum={"description": "Before discounts."}) | {"description": "A person."}
    now = holding(TEXT, Sum={"description": "After all."}) | {"description": "A company."}

    differences = changes("customer", was, now)

    assert [(one.rule, one.field) for one in differences if isinstance(one, Breach)] == [
        ("meaning-changed", ""),
        ("meaning-changed", "$defs.Sum"),
    ]


@pytest.mark.parametrize("name", ROOTS)
def test_a_schema_is_compatible_with_itself(name: str) -> None:
    assert after(name, lambda s: None) == ()


def test_additions_are_listed() -> None:
    def grow(s: Schema) -> None:
        s["properties"]["pronouns"] = {"type": "string"}
        s["properties"]["status"]["enum"].append("dormant")

    assert set(after("customer", grow)) == {
        Addition(schema="customer", field="pronouns", what="field"),
        Addition(schema="customer", field="status", what="value 'dormant'"),
    }


@pytest.mark.parametrize(
    ("edit", "rule", "field"),
    [
        (
            lambda c: c["guarantees"]["nullability"]["never_null"].remove("emails"),
            "guarantee-withdrawn",
            "emails",
        ),
        (lambda c: c["change_policy"].update(notice_days=30), "guarantee-withdrawn", "change_policy.notice_days"),
        (lambda c: c.update(meaning="A row in the CRM."), "meaning-changed", "meaning"),
        (lambda c: c["guarantees"].update(retention="For a day."), "meaning-changed", "guarantees.retention"),
        (lambda c: c["guarantees"].pop("ordering"), "guarantee-withdrawn", "guarantees.ordering"),
    ],
)
def test_a_contract_keeps_what_it_promised(edit: Edit, rule: Rule, field: str) -> None:
    present = contract_of("customer")
    edit(present)

    (breach,) = contract_changes("customer", contract_of("customer"), present)

    assert (breach.rule, breach.field) == (rule, field)


def test_every_rule_has_an_example_here_or_in_the_test_of_releases() -> None:
    exemplified = {rule for rule, *_ in BREAKING} | {"guarantee-withdrawn", "schema-removed"}

    assert exemplified == set(get_args(Rule)) == ADVICE.keys()
