"""The filters of a search: the operators, and whether a record matches."""

import re
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from emulators.hubspot.associations import associated
from emulators.hubspot.errors import Refusal
from emulators.hubspot.kinds import CONTACTS, Kind
from emulators.hubspot.records import Record
from emulators.hubspot.values import millis
from emulators.state import State

MOST_GROUPS = 5
MOST_IN_GROUP = 6
MOST_FILTERS = 18

ONE_VALUE = frozenset({"EQ", "NEQ", "GT", "GTE", "LT", "LTE", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"})
MANY_VALUES = frozenset({"IN", "NOT_IN"})
NO_VALUE = frozenset({"HAS_PROPERTY", "NOT_HAS_PROPERTY"})

Comparable = int | float | str


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """One condition, with values in the property's type."""

    property: str
    type: str
    operator: str
    value: Comparable | None = None
    high_value: Comparable | None = None
    values: tuple[str, ...] = ()

    def passes(self, record: Record) -> bool:
        """Return whether a record matches. A record without a value matches only the negative operators."""
        text = record["properties"].get(self.property)
        if self.operator in NO_VALUE:
            return (text is not None) == (self.operator == "HAS_PROPERTY")
        if text is None:
            return self.operator in ("NEQ", "NOT_IN", "NOT_CONTAINS_TOKEN")
        if self.operator in MANY_VALUES:
            return self._is_in(str(text)) == (self.operator == "IN")
        if self.operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
            return _contains(str(text), str(self.value)) == (self.operator == "CONTAINS_TOKEN")
        return self._compares(comparable(self.type, str(text)))

    def _is_in(self, text: str) -> bool:
        """Return whether the text matches. HubSpot compares lower-case text with the values as they were sent, so send
        those in lower case."""
        if self.type == "string":
            return text.lower() in self.values
        return any(one in self.values for one in text.split(";"))

    def _compares(self, stored: Comparable | None) -> bool:
        wanted: Any = self.value
        if stored is None or wanted is None or isinstance(stored, str) != isinstance(wanted, str):
            return self.operator == "NEQ"
        one: Any = stored
        match self.operator:
            case "EQ":
                return bool(one == wanted)
            case "NEQ":
                return bool(one != wanted)
            case "GT":
                return bool(one > wanted)
            case "GTE":
                return bool(one >= wanted)
            case "LT":
                return bool(one < wanted)
            case "LTE":
                return bool(one <= wanted)
            case _:
                high: Any = self.high_value
                return bool(wanted <= one <= high)


def comparable(type: str, text: str) -> Comparable | None:
    """Return a value in comparable form: times in milliseconds, numbers, and text in lower case."""
    if type in ("date", "datetime"):
        return millis(text)
    if type == "number":
        try:
            return float(text)
        except ValueError:
            return None
    return text if type in ("enumeration", "bool") else text.lower()


def read_groups(kind: Kind, raw: Any, state: State) -> list[list[Filter]]:
    """Return the filter groups of a search: a record must match all filters of one group. Refuses invalid ones with
    400."""
    groups = [] if raw is None else raw
    if not isinstance(groups, list):
        raise problem("filterGroups must be a list")
    read = [[_read(kind, one, state) for one in _filters(group)] for group in groups]
    if len(read) > MOST_GROUPS or max(map(len, read), default=0) > MOST_IN_GROUP or sum(map(len, read)) > MOST_FILTERS:
        raise problem(f"At most {MOST_GROUPS} groups of {MOST_IN_GROUP} filters and {MOST_FILTERS} filters are allowed")
    return read


def problem(message: str) -> Refusal:
    """Return a 400 about the search itself."""
    return Refusal(400, "There was a problem with the request.", errors=[{"message": message}])


def _filters(group: Any) -> list[Any]:
    filters = group.get("filters") if isinstance(group, dict) else None
    if not isinstance(filters, list) or not filters:
        raise problem("filters must be a list that is not empty")
    return filters


def _read(kind: Kind, raw: Any, state: State) -> Filter:
    if not isinstance(raw, dict):
        raise problem("a filter must be an object")
    name, operator = str(raw.get("propertyName")), str(raw.get("operator"))
    if name == "associations.contact" and operator == "EQ":
        ids = tuple(id for id, _ in associated(CONTACTS, str(raw.get("value")), kind, state))
        return Filter(property="hs_object_id", type="number", operator="IN", values=ids)
    definition = state.get(kind.definitions, name)
    if definition is None:
        raise problem(f'Property "{name}" does not exist')
    type = definition["type"]
    if operator in NO_VALUE:
        return Filter(property=name, type=type, operator=operator)
    if operator in MANY_VALUES:
        values = raw.get("values")
        if not isinstance(values, list) or not values:
            raise problem(f"operator {operator} requires values")
        return Filter(property=name, type=type, operator=operator, values=tuple(str(one) for one in values))
    if operator in ONE_VALUE:
        return Filter(property=name, type=type, operator=operator, value=_value(name, type, raw, "value"))
    if operator == "BETWEEN":
        low, high = _value(name, type, raw, "value"), _value(name, type, raw, "highValue")
        return Filter(property=name, type=type, operator=operator, value=low, high_value=high)
    raise problem(f"{operator} is not an operator")


def _value(name: str, type: str, members: dict[str, Any], key: str) -> Comparable:
    raw = members.get(key)
    if raw is None or raw == "" or isinstance(raw, dict | list):
        raise problem(f"the filter of {name} requires {key}")
    text = str(raw).lower() if isinstance(raw, bool) else str(raw)
    value = comparable(type, text)
    if value is None:
        raise problem(f"{text} is not a valid {type} for {name}")
    return value


def _contains(text: str, wanted: str) -> bool:
    """Return whether all words of `wanted` are in `text`. A star matches any letters."""
    words = _words(text)
    return all(any(fnmatchcase(word, pattern) for word in words) for pattern in _words(wanted))


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[^\w*]+", text.lower()) if word]
