"""What changed between two JSON Schemas of one thing, judged by the promise of `v1`: a compatible change passes, a
breaking one is named by its rule, with what to do instead.

Compatible is adding an optional field, an enum value or an object. Everything else breaks somebody: a consumer who
reads, or a caller who writes. Sentences count as meaning, so a changed one needs a person's word that only the words
changed (a `rewordings` entry of the contract).
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
    "schema-removed": "Bring it back: an object is withdrawn with the version that had it, never within v1.",
    "field-removed": "Bring the field back, and fill it for as long as v1 is answered; v2 may be without it.",
    "field-renamed": "Keep the old name beside the new one and fill both; only v2 may be without the old one.",
    "type-changed": "Leave the field as it was and add another one with the new type.",
    "required-added": "Make it optional with the behaviour that callers have without it, or wait for v2.",
    "required-withdrawn": "Go on sending it in every answer, null where there is nothing to say.",
    "default-changed": "Put the old default back: callers who leave the field out rely on it.",
    "format-changed": "Put the old format or limit back, and add another field for values that do not fit it.",
    "unit-changed": "Put the old unit back and add another field in the new one, named after its unit.",
    "meaning-changed": (
        "If it means something else now, put the old sentence back and add a field. If only the words changed, say so "
        "under [[rewordings]] in the contract: schema, field, sentence as it is now, and why."
    ),
    "value-removed": "Bring the value back; a new name for it is a new value beside the old one.",
    "closed-to-growth": "Leave additional members allowed where they were: a later v1 will have some.",
    "guarantee-withdrawn": "Keep the promise for as long as v1 is answered; v2 may promise less.",
}
"""What to do about each breach, for the one who made the change."""

# Words that tell in what something is counted or noted. A sentence that trades one for another changes the unit.
_UNITS: Final = re.compile(
    r"\b(bytes?|kilobytes?|milliseconds?|seconds?|minutes?|hours?|days?|weeks?|months?|percent|fractions?|cents?"
    r"|minor units?|grams?|kilograms?|metres?|UTC|local time|ISO 4217|ISO 3166-1 alpha-2|ISO 3166-1 alpha-3|BCP 47"
    r"|ISO 639(?:-\d)?|E\.164|IANA|including tax|excluding tax|before discounts|after discounts)\b"
)
_LOWER_BOUNDS: Final = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_UPPER_BOUNDS: Final = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_CHOICES: Final = ("anyOf", "oneOf")
# What has a rule of its own, and what says nothing about a value. Anything else, `format` or a keyword that nobody has
# used yet, narrows values in a way that is not weighed here: it stays as it was.
_WEIGHED: Final = frozenset(
    {
        *("$schema", "$id", "$ref", "$defs", "type", "enum", "items", "properties", "required", "additionalProperties"),
        *("title", "description", "examples", "default", *_CHOICES, *_LOWER_BOUNDS, *_UPPER_BOUNDS),
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
    """One broken promise: where it is (`customer-write: emails[].address`), what was and is, and what to do."""

    rule: Rule
    schema: str
    field: str
    was: str
    now: str

    def __str__(self) -> str:
        """For a person: the place, the change, and the advice."""
        place = f"{self.schema}: {self.field}" if self.field else self.schema
        return f"{place}: {self.rule}: was {self.was}, is {self.now}. {ADVICE[self.rule]}"


class Addition(Struct, frozen=True, kw_only=True):
    """One compatible change: a field or an enum value that is new."""

    schema: str
    field: str
    what: str


Change = Breach | Addition


def changes(name: str, released: Schema, present: Schema) -> tuple[Change, ...]:
    """Everything that differs between the released schema and the present one, but for examples."""
    written = released.get("additionalProperties") is False
    return tuple(_Comparison(name, released, present, written=written).all_changes())


class _Comparison:
    """Walks both schemas side by side; `#/$defs/` of each leads into its own."""

    def __init__(self, name: str, released: Schema, present: Schema, *, written: bool) -> None:
        self._name = name
        self._roots = released, present
        self._written = written

    def all_changes(self) -> Iterator[Change]:
        """The sentences about the whole and about each of its parts, then everything that it holds."""
        old, new = self._roots
        yield from self._sentence_changes("", old, new)
        parts, present = old.get("$defs", {}), new.get("$defs", {})
        for title in sorted(parts.keys() & present.keys()):
            yield from self._sentence_changes(f"$defs.{title}", parts[title], present[title])
        yield from self.object_changes("", old, new)

    def object_changes(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        """An object and its members."""
        yield from self._rest_changes(path, old, new)
        held, holds = old.get("properties", {}), new.get("properties", {})
        before, now = set(old.get("required", ())), set(new.get("required", ()))
        for member, schema in held.items():
            at = f"{path}.{member}".lstrip(".")
            if member not in holds:
                yield self._gone(at, schema, {name: one for name, one in holds.items() if name not in held})
                continue
            if member in now - before:
                yield self._breach("required-added", at, "optional", "required")
            if member in before - now and not self._written:
                yield self._breach("required-withdrawn", at, "in every answer", "optional")
            yield from self._member_changes(at, schema, holds[member])
        for member in holds.keys() - held.keys():
            at = f"{path}.{member}".lstrip(".")
            if self._written and member in now:
                yield self._breach("required-added", at, "not there", "required")
            else:
                yield Addition(schema=self._name, field=at, what="field")

    def _gone(self, at: str, schema: Schema, candidates: dict[str, Schema]) -> Breach:
        like = next((name for name, one in candidates.items() if _without_words(one) == _without_words(schema)), None)
        if like is None:
            return self._breach("field-removed", at, "there", "gone")
        return self._breach("field-renamed", at, at.rpartition(".")[2], like)

    def _member_changes(self, at: str, old: Schema, new: Schema) -> Iterator[Change]:
        """One field: its sentence and default stand beside the reference, its type may stand behind it."""
        yield from self._sentence_changes(at, old, new)
        if old.get("default", ...) != new.get("default", ...):
            yield self._breach("default-changed", at, _told(old, "default"), _told(new, "default"))
        yield from self._type_changes(at, old, new)

    def _type_changes(self, at: str, old: Schema, new: Schema) -> Iterator[Change]:
        """Kinds first, null among them; then, form by form, what each of them lets through."""
        before, after = self._forms(old, 0), self._forms(new, 1)
        kinds, present = ({kind for _, form in forms for kind in _kinds_of(form)} for forms in (before, after))
        values, values_now = ([one for one in forms if _kinds_of(one[1]) != {NULL}] for forms in (before, after))
        if kinds != present or len(values) != len(values_now):
            yield self._breach("type-changed", at, _kinds_told(before), _kinds_told(after))
            return
        for (name, was), (name_now, now) in zip(values, values_now, strict=True):
            if len(values) > 1 and (name, _kinds_of(was)) != (name_now, _kinds_of(now)):
                yield self._breach("type-changed", at, _kinds_told(before), _kinds_told(after))
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
        """Of an object the members that have no names of ours: none, any, or such as hold one type."""
        was, now = (one.get("additionalProperties", True) for one in (old, new))
        if was is not False and now is False:
            yield self._breach("closed-to-growth", at, "open", "closed")
        elif isinstance(was, dict) and isinstance(now, dict):
            yield from self._member_changes(f"{at}.*".lstrip("."), was, now)
        elif (isinstance(was, dict) or isinstance(now, dict)) and was is not False:
            yield self._breach("type-changed", f"{at}.*".lstrip("."), _rest_told(was), _rest_told(now))

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
        """A writer may be allowed more than before; a reader may be sent neither more nor something else."""
        for key in sorted((was.keys() | now.keys()) - _WEIGHED):
            if was.get(key) != now.get(key):
                yield self._breach("format-changed", at, _told(was, key), _told(now, key))
        for key in (*_LOWER_BOUNDS, *_UPPER_BOUNDS):
            before, after = was.get(key), now.get(key)
            if before == after or (self._written and _is_wider(key, before, after)):
                continue
            yield self._breach("format-changed", at, _told(was, key), _told(now, key))

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
        """What a member may be once references and choices are followed, each form with its name where it has one."""
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
    """The JSON types that a form lets through; of a list of values those that they have, empty where it is any."""
    kinds = form.get("type", ())
    if not kinds and "enum" in form:
        return frozenset(_KINDS[type(value)] for value in form["enum"])
    return frozenset([kinds] if isinstance(kinds, str) else kinds)


def _order_of_form(named: tuple[str, Schema]) -> tuple[str, list[str]]:
    return named[0], sorted(_kinds_of(named[1]))


def _kinds_told(forms: list[tuple[str, Schema]]) -> str:
    told = {name or kind for name, form in forms for kind in _kinds_of(form) or ("anything",)}
    return " or ".join(sorted(told))


def _rest_told(rest: Schema | bool) -> str:
    return "of a type" if isinstance(rest, dict) else "anything" if rest else "nothing"


def _without_words(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in ("description", "examples")}


def _told(schema: Schema, key: str) -> str:
    return f"{key} {schema[key]!r}" if key in schema else f"no {key}"


def _is_wider(key: str, before: float | None, after: float | None) -> bool:
    """Whether a bound now lets more through."""
    if after is None:
        return True
    if before is None:
        return False
    return after < before if key in _LOWER_BOUNDS else after > before
