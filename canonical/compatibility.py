"""Compare two versions of a JSON Schema by the guarantees of `v1`. Each breaking change names its rule and what to do.

Adding an optional field, an enum value or an object is compatible. Every other change breaks a consumer that reads or a
caller that writes. A description counts as meaning, so changing it requires a `rewordings` entry in the contract, which
confirms that only the words changed.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Literal

from msgspec import Struct

Schema = dict[str, Any]
Rule = Literal[
    "schema-removed",
    "field-removed",
    "field-renamed",
    "type-changed",
    "required-added",
    "required-withdrawn",
    "default-changed",
    "format-changed",
    "unit-changed",
    "meaning-changed",
    "value-removed",
    "closed-to-growth",
    "guarantee-withdrawn",
]

ADVICE: Final[dict[Rule, str]] = {
    "schema-removed": "Restore it: v1 keeps every object. Remove it in v2.",
    "field-removed": "Restore the field and fill it while v1 is served. Remove it in v2.",
    "field-renamed": "Keep the old name as well and fill both. Remove the old one in v2.",
    "type-changed": "Restore the field and add another one with the new type.",
    "required-added": "Make it optional and keep the behaviour without it, or wait for v2.",
    "required-withdrawn": "Send it in every answer, null if there is no value.",
    "default-changed": "Restore the old default: callers who omit the field rely on it.",
    "format-changed": "Restore the old format or limit, and add another field for values that do not fit.",
    "unit-changed": "Restore the old unit and add another field in the new unit, named after it.",
    "meaning-changed": (
        "If the meaning changed, restore the old sentence and add a field. If only the words changed, add an entry "
        "under [[rewordings]] in the contract: schema, field, the new sentence, and why."
    ),
    "value-removed": "Restore the value. Add a new name for it as a further value.",
    "closed-to-growth": "Allow additional members again: a later v1 will add some.",
    "guarantee-withdrawn": "Restore the guarantee while v1 is served. v2 may promise less.",
}
"""Advice for each rule."""

# Words that name a unit or a notation. A sentence that replaces one by another changes the unit.
_UNITS: Final = re.compile(
    r"\b(bytes?|kilobytes?|milliseconds?|seconds?|minutes?|hours?|days?|weeks?|months?|percent|fractions?|cents?"
    r"|minor units?|grams?|kilograms?|metres?|UTC|local time|ISO 4217|ISO 3166-1 alpha-2|ISO 3166-1 alpha-3|BCP 47"
    r"|ISO 639(?:-\d)?|E\.164|IANA|including tax|excluding tax|before discounts|after discounts)\b"
)
_LOWER_BOUNDS: Final = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_UPPER_BOUNDS: Final = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_CHOICES: Final = ("anyOf", "oneOf")
# Keywords with their own rule, and keywords that do not restrict values. All others (`format`, or a keyword that is not
# used yet) restrict values in ways that are not compared here, so they must not change.
_COMPARED: Final = frozenset(
    {
        "$schema",
        "$id",
        "$ref",
        "$defs",
        "type",
        "enum",
        "items",
        "properties",
        "required",
        "additionalProperties",
        "title",
        "description",
        "examples",
        "default",
        *_CHOICES,
        *_LOWER_BOUNDS,
        *_UPPER_BOUNDS,
    }
)
NULL: Final = "null"
_KINDS: Final[dict[type, str]] = {
    type(None): NULL,
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class Breach(Struct, frozen=True, kw_only=True):
    """One breaking change: the schema, the field (`emails[].address`), the old and the new state."""

    rule: Rule
    schema: str
    field: str
    was: str
    now: str

    def __str__(self) -> str:
        """Return the place, the change and the advice."""
        place = f"{self.schema}: {self.field}" if self.field else self.schema
        return f"{place}: {self.rule}: was {self.was}, is {self.now}. {ADVICE[self.rule]}"


class Addition(Struct, frozen=True, kw_only=True):
    """One compatible change: a new field or enum value."""

    schema: str
    field: str
    what: str


Change = Breach | Addition


def changes(name: str, released: Schema, present: Schema) -> tuple[Change, ...]:
    """Return all differences between the released and the present schema, except examples."""
    written = released.get("additionalProperties") is False
    return tuple(_Comparison(name, released, present, written=written).all_changes())


class _Comparison:
    """Walks both schemas in parallel. `#/$defs/` of each refers to its own root."""

    def __init__(self, name: str, released: Schema, present: Schema, *, written: bool) -> None:
        self._name = name
        self._roots = released, present
        self._written = written

    def all_changes(self) -> Iterator[Change]:
        """Yield the changes of the root's description, of each definition's description, and of all members."""
        old, new = self._roots
        yield from self._sentence_changes("", old, new)
        parts, present = old.get("$defs", {}), new.get("$defs", {})
        for title in sorted(parts.keys() & present.keys()):
            yield from self._sentence_changes(f"$defs.{title}", parts[title], present[title])
        yield from self.object_changes("", old, new)

    def object_changes(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        """Yield the changes of an object and its members."""
        yield from self._rest_changes(path, old, new)
        old_members, new_members = old.get("properties", {}), new.get("properties", {})
        before, now = set(old.get("required", ())), set(new.get("required", ()))
        for member, schema in old_members.items():
            at = f"{path}.{member}".lstrip(".")
            if member not in new_members:
                yield self._removed(
                    at, schema, {name: one for name, one in new_members.items() if name not in old_members}
                )
                continue
            if member in now - before:
                yield self._breach("required-added", at, "optional", "required")
            if member in before - now and not self._written:
                yield self._breach("required-withdrawn", at, "in every answer", "optional")
            yield from self._member_changes(at, schema, new_members[member])
        for member in new_members.keys() - old_members.keys():
            at = f"{path}.{member}".lstrip(".")
            if self._written and member in now:
                yield self._breach("required-added", at, "not there", "required")
            else:
                yield Addition(schema=self._name, field=at, what="field")

    def _removed(self, at: str, schema: Schema, candidates: dict[str, Schema]) -> Breach:
        like = next((name for name, one in candidates.items() if _without_words(one) == _without_words(schema)), None)
        if like is None:
            return self._breach("field-removed", at, "there", "gone")
        return self._breach("field-renamed", at, at.rpartition(".")[2], like)

    def _member_changes(self, at: str, old: Schema, new: Schema) -> Iterator[Change]:
        """Yield the changes of a field. Its description and default are next to a `$ref`, its type behind it."""
        yield from self._sentence_changes(at, old, new)
        if old.get("default", ...) != new.get("default", ...):
            yield self._breach("default-changed", at, _shown(old, "default"), _shown(new, "default"))
        yield from self._type_changes(at, old, new)

    def _type_changes(self, at: str, old: Schema, new: Schema) -> Iterator[Change]:
        """Compare the JSON types first, including null; then the restrictions of each form."""
        before, after = self._forms(old, 0), self._forms(new, 1)
        kinds, present = ({kind for _, form in forms for kind in _kinds_of(form)} for forms in (before, after))
        values, values_now = ([one for one in forms if _kinds_of(one[1]) != {NULL}] for forms in (before, after))
        if kinds != present or len(values) != len(values_now):
            yield self._breach("type-changed", at, _kinds_text(before), _kinds_text(after))
            return
        for (name, was), (name_now, now) in zip(values, values_now, strict=True):
            if len(values) > 1 and (name, _kinds_of(was)) != (name_now, _kinds_of(now)):
                yield self._breach("type-changed", at, _kinds_text(before), _kinds_text(after))
                return
            yield from self._form_changes(at, was, now)

    def _form_changes(self, at: str, was: Schema, now: Schema) -> Iterator[Change]:
        yield from self._value_changes(at, was.get("enum"), now.get("enum"))
        yield from self._format_changes(at, was, now)
        if "properties" in was:
            yield from self.object_changes(at, was, now)
        elif "properties" in now:
            yield self._breach("type-changed", at, "any members", "members by name")
        elif "object" in _kinds_of(was):
            yield from self._rest_changes(at, was, now)
        items, items_now = was.get("items"), now.get("items")
        if isinstance(items, dict) and isinstance(items_now, dict):
            yield from self._member_changes(f"{at}[]", items, items_now)
        elif items != items_now:
            yield self._breach(
                "type-changed", f"{at}[]", *("of a type" if one else "anything" for one in (items, items_now))
            )

    def _rest_changes(self, at: str, old: Schema, new: Schema) -> Iterator[Change]:
        """Yield the changes of the additional members of an object: none, any, or of one type."""
        was, now = (one.get("additionalProperties", True) for one in (old, new))
        if was is not False and now is False:
            yield self._breach("closed-to-growth", at, "open", "closed")
        elif isinstance(was, dict) and isinstance(now, dict):
            yield from self._member_changes(f"{at}.*".lstrip("."), was, now)
        elif (isinstance(was, dict) or isinstance(now, dict)) and was is not False:
            yield self._breach("type-changed", f"{at}.*".lstrip("."), _rest_text(was), _rest_text(now))

    def _value_changes(self, at: str, was: list[Any] | None, now: list[Any] | None) -> Iterator[Change]:
        if was is None and now is not None:
            yield self._breach("type-changed", at, "any text", "one of a list")
        elif was is not None and now is None:
            yield self._breach("type-changed", at, "one of a list", "any text")
        elif was is not None and now is not None:
            for value in was:
                if value is not None and value not in now:
                    yield self._breach("value-removed", at, repr(value), "gone")
            for value in now:
                if value is not None and value not in was:
                    yield Addition(schema=self._name, field=at, what=f"value {value!r}")

    def _format_changes(self, at: str, was: Schema, now: Schema) -> Iterator[Breach]:
        """Yield changed restrictions. A writer may be allowed more; a reader must not receive other values."""
        for key in sorted((was.keys() | now.keys()) - _COMPARED):
            if was.get(key) != now.get(key):
                yield self._breach("format-changed", at, _shown(was, key), _shown(now, key))
        for key in (*_LOWER_BOUNDS, *_UPPER_BOUNDS):
            before, after = was.get(key), now.get(key)
            if before == after or (self._written and _is_wider(key, before, after)):
                continue
            yield self._breach("format-changed", at, _shown(was, key), _shown(now, key))

    def _sentence_changes(self, at: str, old: Schema, new: Schema) -> Iterator[Breach]:
        was, now = old.get("description", ""), new.get("description", "")
        if was == now:
            return
        units, present = sorted(set(_UNITS.findall(was))), sorted(set(_UNITS.findall(now)))
        if units != present:
            yield self._breach("unit-changed", at, ", ".join(units) or "none", ", ".join(present) or "none")
        else:
            yield self._breach("meaning-changed", at, f'"{was}"', f'"{now}"')

    def _forms(self, schema: Schema, side: int) -> list[tuple[str, Schema]]:
        """Resolve references and choices, and return the possible forms of a member, each with its name if any."""
        if "$ref" in schema:
            title = schema["$ref"].rpartition("/")[2]
            return [(title, self._roots[side]["$defs"][title])]
        options = [option for key in _CHOICES for option in schema.get(key, ())]
        if not options:
            return [("", schema)]
        return sorted((form for option in options for form in self._forms(option, side)), key=_order_of_form)

    def _breach(self, rule: Rule, field: str, was: str, now: str) -> Breach:
        return Breach(rule=rule, schema=self._name, field=field, was=was, now=now)


def _kinds_of(form: Schema) -> frozenset[str]:
    """Return the JSON types of a form, or the types of its enum values. Empty if any type is allowed."""
    kinds = form.get("type", ())
    if not kinds and "enum" in form:
        return frozenset(_KINDS[type(value)] for value in form["enum"])
    return frozenset([kinds] if isinstance(kinds, str) else kinds)


def _order_of_form(named: tuple[str, Schema]) -> tuple[str, list[str]]:
    return named[0], sorted(_kinds_of(named[1]))


def _kinds_text(forms: list[tuple[str, Schema]]) -> str:
    kinds = {name or kind for name, form in forms for kind in _kinds_of(form) or ("anything",)}
    return " or ".join(sorted(kinds))


def _rest_text(rest: Schema | bool) -> str:
    return "of a type" if isinstance(rest, dict) else "anything" if rest else "nothing"


def _without_words(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in ("description", "examples")}


def _shown(schema: Schema, key: str) -> str:
    return f"{key} {schema[key]!r}" if key in schema else f"no {key}"


def _is_wider(key: str, before: float | None, after: float | None) -> bool:
    """Return whether a bound now allows more values."""
    if after is None:
        return True
    if before is None:
        return False
    return after < before if key in _LOWER_BOUNDS else after > before
