"""Checks that need recorded records and no expected results, so that a faulty mapping cannot excuse itself.

Each compares two readings or two writes that must differ, or that must be equal. docs/add-a-vendor.md lists the faults.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Raw, ValidationError
from msgspec.structs import fields

from mappings.checks.result import Result
from mappings.checks.variations import (
    ABSENT,
    EMPTY,
    NEW_WORD,
    NUMBER,
    Leaves,
    Meaning,
    Place,
    Probe,
    body_leaves,
    changed,
    leaves,
    name_of,
    others,
    plain,
    probes,
    time_in,
    values_of,
)
from mappings.coverage import enum_of
from mappings.registry import AnyVendor
from mappings.spec import Draft, Unmappable

MARKER_FIELD: Final = "lockstitch_operation"
"""Part of the name of a field with the marker, which no mapping reads."""
AMOUNT: Final = re.compile(r"\d+\.\d{1,2}")
NEW_WORDS: Final = (NEW_WORD, 987654)
WHOLE: Final = "9007199254740993"
EXACT: Final = "90071992547409.01"
"""Amounts that a float changes in the last digit."""
SLIP: Final = Decimal("4e-16")
"""The part by which two roundings of a double change a number. A tax or a fee that is added changes more."""
INDIA: Final = timezone(timedelta(hours=5, minutes=30))
INSTANTS: Final = ("2099-01-01T12:00:00+05:30", "2099-01-01T06:30:00Z")
NEVER_EMPTY: Final = frozenset({"currency", "presentment_currency", "tax_inclusive"})
"""Fields that every record has a value of."""
BY_KEY: Final[dict[str, frozenset[str]]] = {
    "remote_id": frozenset({"email", "name", "phone", "sku"}),
    "e164": frozenset({"raw"}),
    "key": frozenset({"key", "label", "type"}),
    "city": frozenset({"type"}),
}
"""Members that depend on another one: the texts next to an id, the configuration of a custom field."""
NO_RECORDS: Final = "there are no recorded records"
LEVELS: Final = 2
SCALE: Final = ("low", "normal", "high", "urgent")


def exact_reads(vendor: AnyVendor, root: Path, unread: Iterable[str]) -> Result:
    """Check that a read drops no member that the wire Struct declares, keeps time zones, and takes no amount through a
    float. `unread` are members that are declared for another use, such as `order/archived`."""
    cases, matters, failures = dict[str, str](), set[str](), dict[str, None]()
    for probe in probes(vendor, root):
        try:
            msgspec.convert(plain(probe.reading.data), probe.mapping.model)
        except ValidationError as error:
            failures[f"{probe.case}: what is read is not canonical: {error}"] = None
        exact = set[str]()
        for place, value in leaves(probe.record):
            name = f"{probe.mapping.object}/{name_of(place)}"
            if name not in exact:
                exact.add(name)
                failures |= {f"{probe.case}: {name} {loss}": None for loss in _inexact(probe, place, value)}
            if value in EMPTY or MARKER_FIELD in str(place[-1]) or name in matters:
                continue
            if _matters(probe, probe.record, probe.reading, place, value):
                matters.add(name)
            elif _is_declared(probe, place, value):
                cases[name] = probe.case
                matters |= {name} if _is_fallback(probe, place, value) else set()
    lost = sorted(cases.keys() - matters)
    excused = {name: [one for one in unread if f"{name}/".startswith(f"{one}/")] for name in lost}
    failures |= {f"{cases[name]}: {name} is declared and never read": None for name in lost if not excused[name]}
    stale = set(unread) - {one for excuses in excused.values() for one in excuses}
    failures |= {f"{name} is unread in quality.toml, and read or not recorded": None for name in sorted(stale)}
    return Result(cases=len(matters | cases.keys()), failures=tuple(failures), nothing=NO_RECORDS)


def exact_writes(vendor: AnyVendor, root: Path) -> Result:
    """Check that a write drops no part of a field, that null clears, that times keep their instant and amounts their
    digits. A write may also refuse, or report a loss."""
    tried, failures, dropped, sent = 0, list[str](), dict[str, str](), set[str]()
    for probe in probes(vendor, root):
        for verb, current in probe.verbs():
            if (body := probe.accepted(current)) is None:
                continue
            for name, is_sent in _parts_sent(probe, body, current):
                label = f"{verb} of {probe.mapping.object} r{probe.mapping.revision} drops {name}"
                dropped[label] = probe.case
                sent |= {label} if is_sent else set()
            tried += 1
            failures += [f"{probe.case}, {verb}: {one}" for one in _altered(probe, body, current)]
            if current is not None:
                failures += [f"{probe.case}: {name} = null clears nothing" for name in _kept(probe, body, current)]
    failures += [f"{dropped[label]}: {label}" for label in sorted(dropped.keys() - sent)]
    return Result(cases=tried, failures=tuple(dict.fromkeys(failures)), nothing="no object is written")


def words_agree(vendor: AnyVendor, root: Path) -> Result:
    """Check that each enum value is written as a word that reads as this value, and not as the name of another
    value."""
    tried, failures = 0, list[str]()
    every = list(probes(vendor, root))
    for mapping in dict.fromkeys(probe.mapping for probe in every):
        own = [probe for probe in every if probe.mapping is mapping]
        places_of = _places_of_words(own)
        for field in fields(mapping.patch):
            places = places_of[field.name]
            numbers: dict[str, Decimal] = {}
            for value in enum_of(field) if places else ():
                words = _words(own[0], field.encode_name, value)
                tried += len(words) > 0
                for failure in _misread(field.name, value, words, places, enum_of(field)):
                    failures.append(f"{mapping.name} r{mapping.revision}: {field.name} {failure}")
                if number := next((str(word) for word in words.values() if NUMBER.fullmatch(str(word))), None):
                    numbers[value] = Decimal(number)
            steps = [numbers[value] for value in SCALE if value in numbers and field.name == "priority"]
            if steps not in (sorted(steps), sorted(steps, reverse=True)):
                failures.append(f"{mapping.name}: the numbers of priority do not rise from low to urgent: {steps}")
    return Result(cases=max(tried, len(every)), failures=tuple(failures), nothing=NO_RECORDS)


def _is_declared(probe: Probe, place: Place, value: Any) -> bool:
    """Return whether the wire Struct has this member."""
    for other in others(value):
        try:
            if probe.mapping.decode(msgspec.json.encode(changed(probe.record, place, other))) != probe.current:
                return True
        except Unmappable:
            continue
    return False


def _matters(probe: Probe, record: Any, reading: Meaning, place: Place, value: Any) -> bool:
    """Return whether another value at this place is another reading than that of the record."""
    return any(probe.read(changed(record, place, other)) not in (None, reading) for other in others(value))


def _is_fallback(probe: Probe, place: Place, value: Any) -> bool:
    """Return whether a member is read if another one is missing."""
    for depth, own in list(enumerate(place))[-LEVELS:]:
        parent = probe.record
        for step in place[:depth]:
            parent = parent[step]
        for name in parent if isinstance(parent, dict) else ():
            for nothing in (ABSENT, None) if name != own else ():
                without = changed(probe.record, (*place[:depth], name), nothing)
                if (reading := probe.read(without)) is not None:
                    if _matters(probe, without, reading, place, value):
                        return True
                    break
    return False


def _inexact(probe: Probe, place: Place, value: Any) -> Iterator[str]:
    """Yield the losses of a time or an amount in a read."""
    moment = time_in(value)
    if moment is not None and moment.tzinfo is not None:
        same = [probe.read(changed(probe.record, place, moment.astimezone(zone).isoformat())) for zone in (UTC, INDIA)]
        if None not in same and same[0] != same[1]:
            yield "loses its time zone"
    text = str(value)
    if probe.mapping.object == "order" and not isinstance(value, bool) and NUMBER.fullmatch(text):
        amount = EXACT if "." in text else WHOLE
        big = changed(probe.record, place, amount if isinstance(value, str) else Raw(amount.encode()))
        reading = probe.read(big)
        amounts = () if reading is None else leaves(plain(reading.data))
        if any(_is_near(amount, one) for at, one in amounts if "quantity" not in str(at[-1])):
            yield "goes through a float"


def _is_near(amount: str, value: Any) -> bool:
    """Return whether a value is this amount with other last digits. Rounding to fewer decimals is no such change."""
    if isinstance(value, bool) or not NUMBER.fullmatch(str(value)):
        return False
    near, whole = abs(Decimal(str(value))), Decimal(amount)
    exact = whole.scaleb(near.adjusted() - whole.adjusted())
    return abs(near - exact) < exact * SLIP and exact.quantize(near) != near


def _parts_sent(probe: Probe, body: dict[str, Any], current: Any) -> Iterator[tuple[str, bool]]:
    """Yield each field of the object and each part of `body`, and whether a change of it changes the write."""
    for field in fields(probe.mapping.patch):
        name, values = field.encode_name, values_of(probe, field)
        rest = {one: value for one, value in body.items() if one != name}
        silent = [one for one in values if not _differs(probe, rest, rest | {name: one}, name, current)]
        # One value may be what every record is: a person, active, not a test.
        yield name, len(silent) <= (len(values) > 1)
    for place, value in leaves(body):
        if len(place) > 1 and isinstance(value, str) and value and not _is_beside_key(body, place):
            others_of = [changed(body, place, other) for other in others(value) if other is not ABSENT]
            valid = [one for one in others_of if _can_be_sent(probe, one)]
            if valid:
                yield name_of(place), any(_differs(probe, body, one, str(place[0]), current) for one in valid)


def _is_beside_key(body: dict[str, Any], place: Place) -> bool:
    owner: Any = body
    for step in place[:-1]:
        owner = owner[step]
    keys = [key for key in BY_KEY if isinstance(owner, dict) and owner.get(key)]
    return any(place[-1] in BY_KEY[key] for key in keys)


def _can_be_sent(probe: Probe, body: dict[str, Any]) -> bool:
    try:
        msgspec.convert(body, probe.mapping.patch)
    except ValidationError:
        return False
    return True


def _differs(probe: Probe, body: dict[str, Any], other: dict[str, Any], name: str, current: Any) -> bool:
    """Return whether two bodies are two writes, or the second reports a loss or refusal of the field."""
    draft = probe.draft(other, current)
    noted = [one.path for one in draft.loss] + [one.pointer for one in draft.refused]
    if any(path.split("/")[1] == name for path in noted):
        return True
    return probe.requests(draft, current) != probe.requests(probe.draft(body, current), current)


def _kept(probe: Probe, body: dict[str, Any], current: Any) -> Iterator[str]:
    """Yield the fields that null leaves as they are."""
    for name, value in body.items():
        if name in NEVER_EMPTY or not _can_be_sent(probe, {name: None}):
            continue
        is_set = name != "custom_fields" or any(one["value"] not in EMPTY for one in value)
        draft = probe.draft({name: None}, current)
        if is_set and not draft.refused and not _differs(probe, {}, {name: None}, name, current):
            yield name


def _altered(probe: Probe, body: dict[str, Any], current: Any) -> Iterator[str]:
    """Yield the times that are sent as another instant, and the amounts that are sent with other digits."""
    for field in fields(probe.mapping.patch):
        if field.name.endswith("_at"):
            one, other = (probe.draft(body | {field.encode_name: time}, current) for time in INSTANTS)
            if _instants(_sent(probe, one, current)) != _instants(_sent(probe, other, current)):
                yield f"{field.encode_name} loses its time zone"
    for place, value in leaves(body) if probe.mapping.object == "order" else ():
        exact = changed(body, place, EXACT)
        if (
            isinstance(value, str)
            and AMOUNT.fullmatch(value)
            and place[-1] != "quantity"
            and _can_be_sent(probe, exact)
        ):
            draft = probe.draft(exact, current)
            if not draft.refused and any(_is_near(EXACT, one) for one in _sent(probe, draft, current).values()):
                yield f"{name_of(place)} goes through a float"


def _sent(probe: Probe, draft: Draft[Any], current: Any) -> Leaves:
    return {
        (number, *place): value
        for number, request in enumerate(probe.requests(draft, current))
        for place, value in ({} if request is None else body_leaves(request)).items()
    }


def _instants(sent: Leaves) -> Leaves:
    times = {place: moment for place, value in sent.items() if (moment := time_in(value)) is not None}
    return sent | {place: one.astimezone(UTC) for place, one in times.items() if one.tzinfo is not None}


def _places_of_words(every: list[Probe]) -> Mapping[str, list[tuple[Probe, Place]]]:
    """Return the places whose word decides a field, by the field: an unknown word there is `unknown`, and `_raw` keeps
    it."""
    places = defaultdict[str, list[tuple[Probe, Place]]](list)
    for probe in every:
        names = [one.name for one in fields(probe.mapping.patch) if hasattr(probe.reading.data, f"{one.name}_raw")]
        for place, value in leaves(probe.record) if names else ():
            for word in () if isinstance(value, list | dict) else NEW_WORDS:
                reading = probe.read(changed(probe.record, place, word))
                data = None if reading is None or reading.refused is not None else reading.data
                for name in names if data is not None else ():
                    if (getattr(data, name), getattr(data, f"{name}_raw")) == ("unknown", str(word)):
                        places[name].append((probe, place))
    return places


def _words(probe: Probe, name: str, value: str) -> Leaves:
    """Return what a new record has only with this value. Empty if the value is refused or stored as another one."""
    draft, without = probe.draft({name: value}, None), leaves(plain(probe.draft({}, None).body))
    noted = [one.path for one in draft.loss] + [one.pointer for one in draft.refused]
    before = dict(without)
    words = dict(leaves(plain(draft.body))) if f"/{name}" not in noted else {}
    return {place: word for place, word in words.items() if before.get(place, ABSENT) != word and word not in EMPTY}


def _misread(
    field: str, value: str, words: Leaves, places: list[tuple[Probe, Place]], values: tuple[str, ...]
) -> Iterator[str]:
    """Yield why the words of a value do not mean it."""
    readings = set[str]()
    for probe, place in places:
        if value not in readings:
            readings |= {getattr(one.data, field) for one in _readings(probe, place, words)}
    names = {str(place[-1]).lower() for _, place in places}
    own = [word for place, word in words.items() if str(place[-1]).lower() in names]
    if value not in readings and (own or readings - {"unknown"}):
        yield f"{value} is written as {[*words.values()]}, which reads as {' or '.join(sorted(readings)) or 'nothing'}"
    for word in own:
        spelled = str(word).strip().lower().replace(" ", "_").replace("-", "_")
        if spelled != value and spelled in values and any(field in name for name in names):
            yield f"{value} is written as {word}, the name of another value"


def _readings(probe: Probe, place: Place, words: Leaves) -> Iterator[Any]:
    """Read a record with the words of a write, at the place of the word and at the members that the write names. Flags
    that the vendor derives from a word have both values."""
    base, by_name = probe.record, {str(one[-1]).lower(): word for one, word in words.items()}
    for at, _ in leaves(probe.record):
        if at and str(at[-1]).lower() in by_name:
            base = changed(base, at, by_name[str(at[-1]).lower()])
    flags = [at for at, value in leaves(base) if isinstance(value, bool)]
    for word in words.values():
        with_word = changed(base, place, word)
        for record in (with_word, *(changed(with_word, at, flag) for at in flags for flag in (True, False))):
            reading = probe.read(record)
            if reading is not None and reading.refused is None:
                yield reading
