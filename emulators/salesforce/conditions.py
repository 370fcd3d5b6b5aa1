"""Evaluate the conditions of a query. Text is compared without case, unless its field is case-sensitive; ids with
case."""

import re
from collections.abc import Callable
from typing import Any

from emulators.salesforce.errors import Refusal, no_column
from emulators.salesforce.ids import eighteen, looks_like
from emulators.salesforce.org import Org, moment
from emulators.salesforce.schema import Field, SObject
from emulators.salesforce.soql import Both, Compare, Condition, Literal
from emulators.state import JsonRecord

WANTED = {
    "datetime": ("moment",),
    "date": ("day",),
    "boolean": ("truth",),
    "double": ("number",),
    "currency": ("number",),
    "int": ("number",),
}
WORDS = {"datetime": "dateTime", "date": "date", "boolean": "boolean", "double": "double", "currency": "double"}
Getter = Callable[[JsonRecord], Any]


def reach(org: Org, sobject: SObject, path: str) -> tuple[Field, Getter]:
    """Return the field at the end of a path such as `Contact.Email`, and a function that reads it from a record."""
    head, dot, beyond = path.partition(".")
    if not dot:
        field = sobject.in_any_case.get(head.lower())
        if field is None:
            raise no_column(path, sobject.name)
        return field, lambda record: record.get(field.name)
    link = relation_of(sobject, head)
    target = org.sobject(link.refers[0])
    field, inner = reach(org, target, beyond)

    def get(record: JsonRecord) -> Any:
        other = related(org, link, record)
        return None if other is None else inner(other)

    return field, get


def relation_of(sobject: SObject, name: str) -> Field:
    """Return the reference field of this relation."""
    for field in sobject.fields.values():
        if field.relation is not None and field.relation.lower() == name.lower():
            return field
    message = (
        f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom relationship"
    )
    raise Refusal(400, "INVALID_FIELD", f"{message}, be sure to append the '__r' after the custom relationship name.")


def related(org: Org, link: Field, record: JsonRecord) -> JsonRecord | None:
    """Return the record that a reference names."""
    id = record.get(link.name)
    if not id:
        return None
    return next((other for other in (org.get(name, id) for name in link.refers) if other is not None), None)


def fulfils(org: Org, sobject: SObject, condition: Condition) -> Callable[[JsonRecord], bool]:
    """Return the test of a condition."""
    if isinstance(condition, Compare):
        return _comparison(org, sobject, condition)
    tests = [fulfils(org, sobject, part) for part in condition.parts]
    if condition.word == "NOT":
        return lambda record: not tests[0](record)
    together = all if condition.word == "AND" else any
    return lambda record: together(test(record) for test in tests)


def exact(condition: Condition | None, name: str) -> str | None:
    """Return the text that a field must equal for any match, None if the condition requires none."""
    if isinstance(condition, Compare):
        one = condition.literals[0]
        fits = condition.field.lower() == name.lower() and condition.sign == "=" and one.kind == "text"
        return str(one.value) if fits else None
    if isinstance(condition, Both) and condition.word == "AND":
        return next((text for part in condition.parts if (text := exact(part, name)) is not None), None)
    return None


def comparable(field: Field, value: Any) -> Any:
    """Return a value in the form in which Salesforce compares it. None stays."""
    if value is None:
        return None
    if field.type == "datetime":
        return moment(str(value))
    if field.type in ("id", "reference"):
        return eighteen(str(value))
    if isinstance(value, str) and not field.case_sensitive and field.type != "date":
        return value.lower()
    return value


def _comparison(org: Org, sobject: SObject, compare: Compare) -> Callable[[JsonRecord], bool]:
    field, get = reach(org, sobject, compare.field)
    for literal in compare.literals:
        _ensure_fits(field, literal)
    wanted = [comparable(field, literal.value) for literal in compare.literals]
    first = wanted[0]
    if compare.sign == "LIKE":
        pattern = re.compile(re.escape(str(first)).replace("%", ".*").replace("_", "."), re.DOTALL | re.IGNORECASE)
        return lambda record: get(record) is not None and pattern.fullmatch(str(get(record))) is not None
    if compare.sign in ("=", "IN"):
        return lambda record: comparable(field, get(record)) in wanted
    if compare.sign in ("!=", "NOT IN"):
        return lambda record: comparable(field, get(record)) not in wanted
    if first is None:
        raise Refusal(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {field.name} field")

    def ordered(record: JsonRecord) -> bool:
        stored = comparable(field, get(record))
        if stored is None:
            return False
        if compare.sign == "<":
            return bool(stored < first)
        if compare.sign == ">":
            return bool(stored > first)
        return bool(stored <= first) if compare.sign == "<=" else bool(stored >= first)

    return ordered


def _ensure_fits(field: Field, literal: Literal) -> None:
    if literal.kind == "null":
        return
    wanted = WANTED.get(field.type, ("text",))
    if literal.kind not in wanted:
        quotes = "should be enclosed in quotes" if wanted == ("text",) else "should not be enclosed in quotes"
        type = WORDS.get(field.type, "string")
        raise Refusal(
            400,
            "INVALID_FIELD",
            f"value of filter criterion for field '{field.name}' must be of type {type} and {quotes}",
        )
    if field.type in ("id", "reference") and not looks_like(literal.value):
        raise Refusal(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {literal.value}")
