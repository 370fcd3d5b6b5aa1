"""Compare values: whether a record has what was sent, and which items of two lists are the same.

There is one rule for each kind of value. E-mail addresses, countries, languages and tags are folded; amounts are
compared by value, telephone numbers by number, times by instant; every other text is compared exactly. The kind of each
value is that of its `ComparedField`. A vendor's own changes are not known here: its mapping declares them.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import date, datetime
from decimal import Context, Decimal
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import Struct, UnsetType

from canonical import values
from canonical.customer import ConsentPatch, EmailPatch, PhonePatch, TaxIdPatch
from canonical.field_kinds import ComparedField, Kind
from canonical.parts import AddressPatch, CustomFieldPatch

Form = str | bool | list[Any] | dict[str, Any] | None
"""A value of JSON. Equal values have one form, different ones have different forms."""
SAID: Final = ("type", "is_default")
"""Members of an address that are compared only if they are sent: a vendor's only address is its default one."""
EXACT: Final = Context(prec=200)
"""More digits than any number that can be parsed."""
PRIMARY: Final = (EmailPatch, PhonePatch)
"""Parts of which one is primary: the one marked as primary, else the first."""
NUMBER: Final = ("e164", "raw")
"""The members of a telephone number that are one value."""
STREET: Final = ("line1", "line2")
PLACE: Final = (*STREET, "city", "postal_code", "region", "country_code")
"""The members of an address that a vendor with one text for it joins, in this order."""
BETWEEN_NUMBERS: Final = re.compile(r"(?<=[0-9]) (?=[0-9])")
KEYS: Final[Mapping[type[Struct], tuple[str, ...]]] = {
    EmailPatch: ("address",),
    AddressPatch: ("line1", "line2", "postal_code", "city", "country_code"),
    TaxIdPatch: ("type", "value"),
    ConsentPatch: ("channel",),
    CustomFieldPatch: ("key",),
}
"""The members that identify an item of a list."""


def same(present: Any, sent: Any, field: ComparedField) -> bool:
    """Return whether a record with `present` has what was sent. False in doubt.

    Both are Structs or their JSON forms. Absent and empty are equal. A member that was not sent is not compared, except
    in an object that is replaced as a whole.
    """
    if is_empty(sent, field) or is_empty(present, field):
        return is_empty(sent, field) and is_empty(present, field)
    if field.item is not None:
        return _is_list(sent) and _is_list(present) and _same_items(list(present), list(sent), field)
    if field.members:
        return _same_members(present, sent, field)
    return _same_leaf(present, sent, field.kind)


def is_empty(value: Any, field: ComparedField) -> bool:
    """Return whether a value is empty."""
    if value is None or isinstance(value, UnsetType) or (isinstance(value, str) and not value):
        return True
    if _is_list(value):
        return not value
    if field.kind in (Kind.CHOICE, Kind.MARK):
        return value in ("unknown", False)
    return bool(field.members) and all(is_empty(_get(value, name), one) for name, one in field.members.items())


def normal_form(value: Any, field: ComparedField) -> Form:
    """Return a value in its normal form, for a digest. None for an empty value. The canonical id of a reference is left
    out: a mapped record has none, and joining two records changes it.

    If `same` is true for two values that were read, their forms are equal. The exception is a telephone number without
    its country: its form is its spelling.
    """
    if is_empty(value, field):
        return None
    if field.item is not None:
        forms = [normal_form(one, field.item) for one in _items(value, field.item)]
        return forms if field.ordered else sorted(forms, key=_encoded)
    if not field.members:
        return _leaf(value, field.kind)
    if field.part is CustomFieldPatch:
        return {"key": _get(value, "key"), "value": _setting(_get(value, "value"), _get(value, "type"))}
    forms_of = {name: normal_form(_get(value, name), one) for name, one in field.members.items() if name != "id"}
    if field.part is PhonePatch:
        forms_of |= {"e164": None, "raw": _number_of(value)}
    return {name: form for name, form in forms_of.items() if form is not None}


def item_key(item: Any, field: ComparedField) -> str:
    """Return the key of an item in its list, by which merging and copies find it. For a list without a key, return the
    whole item in its normal form.

    An address in another spelling has the same key, although a change of the spelling is a change.
    """
    assert field.item is not None  # noqa: S101 - only lists have items
    part = field.item.part
    if part is PhonePatch:
        return _number_of(item)
    names = None if part is None else KEYS.get(part)
    if names is None:
        form = normal_form(item, field.item)
        return form if isinstance(form, str) else _encoded(form)
    if part is AddressPatch:
        return _encoded([_street(item), *(spelling(_get(item, name)) for name in names if name not in STREET)])
    return _encoded([normal_form(_get(item, name), field.item.members[name]) for name in names])


def keys_among(present: Iterable[Any], field: ComparedField) -> Callable[[Any], str]:
    """Return the `item_key` for comparison with these items of a record.

    A telephone number without its country, sent or present, equals another one with its spelling, and one with a
    country that it is in that country. Among the present ones, one with a country comes first. An address that a vendor
    has as one text equals one with these words, and a tag as one word (`gold_tier`) equals `gold tier`.

    A present number without its country equals one number only: the first with a country that is compared.
    """
    if field.item is None or field.item.part is not PhonePatch:
        words = None if field.item is None else _WORDS.get(field.item.part or field.item.kind)
        return _keys_by_words(present, field, words) if words else lambda item: item_key(item, field)
    spelled: dict[str, str] = {}
    for one in sorted(present, key=lambda one: _e164(one) is not None):
        spelled[_digits(_get(one, "raw"))] = _number_of(one)
    numbers = {number for number in spelled.values() if number.startswith("+")}
    countries = sorted({code for number in numbers if (code := values.phone_country(number))})
    number_of: dict[str, str] = {}

    @cache
    def read_in(country: str | None) -> dict[str | None, str]:
        return {_e164({"raw": one}, country): one for one, number in spelled.items() if not number.startswith("+")}

    def key(item: Any) -> str:
        own, spelling = _number_of(item), _digits(_get(item, "raw"))
        known = spelled.get(spelling, own)
        if _e164(item) is not None:
            if known != spelling:
                known = own if own in numbers else read_in(values.phone_country(own)).get(own, own)
            return known if number_of.setdefault(known, own) == own else own
        in_countries = (_e164(item, code) for code in countries)
        return known if known != own else next((one for one in in_countries if one in numbers), own)

    return key


def _keys_by_words(present: Iterable[Any], field: ComparedField, words: Callable[[Any], str]) -> Callable[[Any], str]:
    items = {item_key(one, field): words(one) for one in present}
    by_words = {text: key for key, text in items.items()}

    def key(item: Any) -> str:
        own = item_key(item, field)
        return own if own in items else by_words.get(words(item), own)

    return key


def _same_members(present: Any, sent: Any, field: ComparedField) -> bool:
    if _is_list(present) or isinstance(present, str):
        return False
    if field.part is PhonePatch and not _same_number(present, sent):
        return False
    if field.part is CustomFieldPatch:
        kind = _get(sent, "type") or _get(present, "type")
        ours, theirs = (_setting(_get(one, "value"), kind) for one in (sent, present))
        return _get(sent, "key") == _get(present, "key") and ours == theirs
    left = {name: one for name, one in field.members.items() if field.part is not PhonePatch or name not in NUMBER}
    return all(
        same(_get(present, name), _get(sent, name), one)
        for name, one in left.items()
        if (field.is_whole and name not in SAID) or not is_empty(_get(sent, name), one)
    )


def _same_items(present: list[Any], sent: list[Any], field: ComparedField) -> bool:
    item = field.item
    assert item is not None  # noqa: S101 - it is a list
    if item.part is CustomFieldPatch and not _keys(sent) <= _keys(present):
        return False  # the mapping refuses a key without a place
    left, wanted = _items(present, item), _items(sent, item)
    if len(left) != len(wanted):
        return False
    if field.ordered:
        return all(same(one, other, item) for one, other in zip(left, wanted, strict=True))
    key, places, taken = keys_among(left, field), defaultdict[Hashable, list[int]](list), set[int]()
    for place in reversed(range(len(left))):
        for trait in _traits(left[place], item, key):
            places[trait].append(place)
    for one in wanted:
        near = [places[trait] for trait in _traits(one, item, key)]
        for each in near:
            while each and each[-1] in taken:
                each.pop()
        fewest = reversed(min(near, key=len))
        match = next((place for place in fewest if place not in taken and same(left[place], one, item)), None)
        if match is None:
            return False
        taken.add(match)
    return True


def _traits(one: Any, item: ComparedField, key: Callable[[Any], str]) -> list[Hashable]:
    """Return what an item of a list that is not ordered has in common with every item that is the same, and has the
    values that this one was sent with. So each item is compared with a few of a long list only."""
    if item.part is CustomFieldPatch:
        return [_get(one, "key")]
    if not item.members:
        return [_encoded(normal_form(one, item))]
    traits: list[Hashable] = [(), *([("number", key(one))] if item.part is PhonePatch else ())]
    for name, member in item.members.items():
        if member.kind is not Kind.PHONE and name not in NUMBER and not member.members and member.item is None:
            form = normal_form(_get(one, name), member)
            traits += () if form is None else [(name, _encoded(form))]
    return traits


def _keys(custom_fields: Iterable[Any]) -> set[str]:
    return {_get(one, "key") for one in custom_fields}


def _items(items: Iterable[Any], item: ComparedField) -> list[Any]:
    """Return the items with a value. Among addresses and numbers, one is primary."""
    if item.part is CustomFieldPatch:
        return [one for one in items if _setting(_get(one, "value"), None) is not None]
    if item.part not in PRIMARY:
        return list(items)
    marked = [msgspec.to_builtins(one) for one in items]
    first = next((place for place, one in enumerate(marked) if one.get("is_primary")), 0)
    return [one | {"is_primary": place == first} for place, one in enumerate(marked)]


def _same_leaf(present: Any, sent: Any, kind: Kind) -> bool:
    if kind is Kind.PHONE:
        return _is_same_number(str(present), str(sent))
    return _leaf(present, kind) == _leaf(sent, kind)


def _leaf(value: Any, kind: Kind) -> Form:
    """Return the normal form of a value without members."""
    if kind is Kind.INSTANT:
        return _instant(value)
    if not isinstance(value, str):
        return _setting(value, None)
    return _FORMS.get(kind, str)(value)


def fold_tag(tag: str) -> str:
    """Return a tag for comparison."""
    return tag.strip().lower()


def _amount(text: str) -> str:
    """Return an amount without trailing zeros. Text that is no amount stays as it is."""
    try:
        return values.decimal_string(values.parse_decimal(text).normalize(EXACT))
    except ValueError:
        return text


def _instant(value: Any) -> Form:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return str(values.utc(moment).isoformat())
    except (ValueError, OverflowError, AttributeError):
        return str(value)


def _setting(value: Any, kind: Any) -> Form:
    """Return the value of a custom field of this type. `5` equals `5.0`, but not `"5"` and not `true`."""
    match value:
        case None | "" | [] | ():
            return None
        case bool():
            return value
        case int() | float() | Decimal():
            return ["number", _amount(str(value))]
        case str():
            return _instant(value) if kind == "datetime" else value
        case list() | tuple():
            return ["choices", *sorted(str(one) for one in value)]
        case datetime() | date():
            return value.isoformat()
    return str(value)


def _e164(phone: Any, country: str | None = None) -> str | None:
    """Return the number of a part, with its extension: that in a country if it names none. None if it is unknown."""
    raw = _get(phone, "raw") or ""
    number = _get(phone, "e164") or values.phone(raw, country)
    return number and number + values.phone_extension(raw)


def _number_of(phone: Any) -> str:
    return _e164(phone) or _digits(_get(phone, "raw"))


def _same_number(present: Any, sent: Any) -> bool:
    """Return whether two parts have the same number. One without its country equals the other one if the spelling is
    the same."""
    numbers = _e164(present), _e164(sent)
    if None not in numbers:
        return numbers[0] == numbers[1]
    spellings = _digits(_get(present, "raw")), _digits(_get(sent, "raw"))
    return spellings[0] == spellings[1] != ""


def _is_same_number(present: str, sent: str) -> bool:
    return _same_number({"raw": present}, {"raw": sent})


def _digits(text: str | None) -> str:
    """Return the letters and digits of a number, in lower case."""
    return "".join(one for one in text or "" if one.isalnum()).lower() or (text or "")


def _encoded(form: Form) -> str:
    return msgspec.json.encode(form, order="deterministic").decode()


def _street(address: Any) -> str:
    """Return the spelling of both lines as one text, which they are at some vendors, with a comma between the two. Two
    numbers stay two: "1" and "2" are not "12"."""
    return _one_text(address, STREET)


def _one_text(address: Any, names: Iterable[str]) -> str:
    words = " ".join(_get(address, name) or "" for name in names).replace(",", " ").split()
    return spelling(BETWEEN_NUMBERS.sub(",", " ".join(words)))


def spelling(text: str | None) -> str:
    """Return a text of an address for comparison, without spaces and capitals."""
    return "".join((text or "").split()).casefold()


def _phone(text: str) -> str:
    return _number_of({"raw": text})


_WORDS: Final[Mapping[Any, Callable[[Any], str]]] = {
    AddressPatch: lambda one: _one_text(one, PLACE),
    Kind.TAG: lambda tag: "_".join(fold_tag(tag).replace(",", " ").replace("_", " ").split()),
}
"""The words of an item of a list, which equal ones share however a vendor divides or joins them."""
_FORMS: Final[Mapping[Kind, Callable[[str], str]]] = {
    Kind.EMAIL: values.email_key,
    Kind.PHONE: _phone,
    Kind.COUNTRY: lambda text: text.upper() if text.isascii() else text,
    Kind.LANGUAGE: lambda text: values.language(text) or text,
    Kind.TAG: fold_tag,
    Kind.AMOUNT: _amount,
}


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _get(part: Any, name: str) -> Any:
    value = part.get(name) if isinstance(part, Mapping) else getattr(part, name, None)
    return None if isinstance(value, UnsetType) else value
