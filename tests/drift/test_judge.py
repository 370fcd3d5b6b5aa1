"""What is news and what is not: a record against the baseline of those before it."""

from typing import Annotated, Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from app.drift.judge import Deviation, Sample, deviations, inspect, traits_of
from app.drift.models import Baseline, DriftSource, DriftSubject
from canonical.customer import Customer
from mappings.drift import NAMED_BY


class Record(Struct, frozen=True, kw_only=True):
    """What is read of a record."""

    id: int
    name: str | None = None


class Keyed(Struct, frozen=True, kw_only=True):
    """The keys of a dictionary that are read."""

    phone: str | None = None


class KeyedRecord(Struct, frozen=True, kw_only=True):
    """A record with such a dictionary."""

    properties: Annotated[dict[str, str | None], Meta(extra={NAMED_BY: (Keyed,)})]


def sample(record: dict[str, Any], source: DriftSource = "record", **more: Any) -> Sample:
    subject = DriftSubject(connection="crm", object="customer", mapping="acme.customer", revision=1, source=source)
    return Sample(subject=subject, record=msgspec.json.encode(record), read_by=Record, **more)


def baseline(*samples: Sample) -> Baseline:
    known: dict[str, set[str]] = {}
    for one in samples:
        for path, trait in traits_of(one, inspect(one)):
            known.setdefault(path, set()).add(trait)
    return Baseline(learned=True, known={path: frozenset(traits) for path, traits in known.items()})


def news(one: Sample, before: Baseline) -> list[tuple[str, str, str, str]]:
    findings, _ = deviations(one, inspect(one), before)
    return [(item.path, item.kind, item.expected, item.found) for item in findings]


VALUES = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2) | st.lists(st.integers(), max_size=2)
)
RECORDS = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), VALUES).map(lambda more: {"id": 1} | more)


@given(st.lists(RECORDS, min_size=1, max_size=5))
def test_a_learned_shape_is_no_finding(records: list[dict[str, Any]]) -> None:
    samples = [sample(record) for record in records]
    before = baseline(*samples)
    assert all(not news(one, before) for one in samples)


@given(RECORDS, RECORDS)
def test_a_new_member_or_type_is_a_finding(first: dict[str, Any], then: dict[str, Any]) -> None:
    for path, kind, _, _ in news(sample(then), baseline(sample(first))):
        name = path.removeprefix("$.")
        if kind == "unknown_field":
            assert name in then
            assert name not in first
        else:
            assert kind == "changed_type"
            assert type(first[name]) is not type(then[name])


def test_a_new_member_and_another_type_are_news() -> None:
    before = baseline(sample({"id": 1, "score": 1}))
    assert news(sample({"id": 1, "score": 2.5}), before) == []
    assert news(sample({"id": 1, "mood": "x"}), before) == [("$.mood", "unknown_field", "no member", "a member")]
    assert news(sample({"id": 1, "score": "1"}), before) == [("$.score", "changed_type", "number", "string")]


def test_the_type_of_a_null_member_is_learned_later() -> None:
    before = baseline(sample({"id": 1, "score": None}))
    now = sample({"id": 1, "score": 3})
    assert deviations(now, inspect(now), before) == ([], [("$.score", "type number")])


def test_an_unreadable_value_is_always_a_finding() -> None:
    broken = sample({"id": "7"}, failure=("$.id", "Expected `int`, got `str`"))
    assert news(broken, baseline(broken)) == [("$.id", "changed_type", "number", "string")]
    gone = sample({"name": "Ann"}, failure=("$", "Object missing required field `id`"))
    assert news(gone, baseline(gone)) == [("$.id", "missing_field", "number", "nothing")]
    around = sample({}, failure=("$.results[3].id", "Expected `str`, got `int`"))
    assert ("$.results[*].id", "changed_type", "string", "number") in news(around, baseline())


def test_an_unreadable_value_at_a_key_is_one_finding_that_names_the_key() -> None:
    failure = ("$.properties[...]", "Expected `str | null`, got `int`")
    broken = msgspec.structs.replace(
        sample({"properties": {"email": "ann@example.com", "phone": 17}}, failure=failure), read_by=KeyedRecord
    )
    assert news(broken, baseline()) == [("$.properties.phone", "changed_type", "null or string", "number")]


def test_a_webhook_may_lack_what_it_always_lacked() -> None:
    stub = sample({"name": "Ann"}, "webhook")
    assert news(stub, baseline(stub)) == []
    assert news(stub, baseline()) == [("$.id", "missing_field", "number", "nothing")]


def test_a_new_choice_is_found_once_and_labels_are_masked() -> None:
    def choosing(raw: str) -> Sample:
        return sample({"id": 1}, resource=Customer(kind="person", status="unknown", status_raw=raw))

    before = baseline(choosing("PAUSED"))
    assert news(choosing("PAUSED"), before) == []
    assert news(choosing("SNOOZED"), before) == [
        ("$.status", "new_enum_value", "a choice that the mapping knows", "SNOOZED")
    ]
    assert news(choosing("Waits for Ann"), before)[0][3] == '"xxxxx xxx xxx"'


def test_invalid_json_is_a_finding() -> None:
    broken = Sample(subject=sample({}).subject, record=b"<html>", read_by=Record, failure=("$", "not JSON"))
    findings, _ = deviations(broken, inspect(broken), baseline())
    assert findings == [
        Deviation(path="$", kind="changed_type", expected="a readable value", found="not JSON", value=None)
    ]
