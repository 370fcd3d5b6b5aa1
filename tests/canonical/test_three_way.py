"""A copy merges base, source and target. The two records are changed at random, and what a copy may do is checked."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.copy_base import Base, Digests, FieldBase, base_of_siblings, is_as_left, is_unchanged
from canonical.customer import Customer, CustomerPatch, Email, Phone, PhonePatch
from canonical.field_kinds import kinds_of
from canonical.parts import AddressPatch, CustomField, CustomFieldPatch, CustomFieldType
from canonical.renewed_base import Copied, renewed
from canonical.same_value import same
from canonical.three_way import MergedFields, Rules, Side, merge

NAMES: Final = ("first_name", "job_title", "notes", "tags", "phones", "emails")
DIGESTS: Final = Digests(lambda text: hashlib.sha256(text.encode()).hexdigest()[:16], kinds_of("customer"))

words = st.sampled_from(("red", "green", "blue", "Red"))
texts = st.none() | words
tags = st.lists(words, max_size=3, unique_by=str.lower)
numbers = st.lists(st.sampled_from(("+441174960111", "+441174960222", "+441174960333")), max_size=2, unique=True)
addresses = st.lists(st.sampled_from(("ann@example.com", "bo@example.com", "cy@example.com")), max_size=2, unique=True)


@st.composite
def customers(draw: st.DrawFn) -> Customer:
    """A customer with some values."""
    return Customer(
        first_name=draw(texts),
        job_title=draw(texts),
        notes=draw(texts),
        tags=tuple(draw(tags)),
        phones=tuple(Phone(raw=one, e164=one, is_primary=place == 0) for place, one in enumerate(draw(numbers))),
        emails=tuple(Email(address=one, is_primary=place == 0) for place, one in enumerate(draw(addresses))),
    )


class Desk:
    """A target that lower-cases notes and tags, that has tags of one word, and that keeps one number."""

    def __init__(self, stored: Customer) -> None:
        self.stored = stored

    def write(self, patch: CustomerPatch) -> None:
        """Store a patch."""
        sent = {name: getattr(patch, name) for name in NAMES if getattr(patch, name) is not msgspec.UNSET}
        for name, value in sent.items():
            if name == "notes":
                value = value and value.lower()
            elif name == "tags":
                value = tuple(dict.fromkeys(one.lower().replace(" ", "_") for one in value or ()))
            elif name == "phones":
                first = [one for one in value or () if one.is_primary is True] or list(value or ())
                value = tuple(Phone(raw=one.e164, e164=one.e164, is_primary=True) for one in first[:1])
            elif name == "emails":
                value = tuple(Email(address=one.address, is_primary=one.is_primary is True) for one in value or ())
            self.stored = msgspec.structs.replace(self.stored, **{name: value})


def as_patch(customer: Customer) -> CustomerPatch:
    fields = msgspec.to_builtins(customer)
    sent = {name: fields[name] for name in NAMES if fields[name]}
    for one in sent.get("phones", ()):
        del one["type_raw"]
    for one in sent.get("emails", ()):
        del one["type_raw"], one["status_raw"]
    return msgspec.convert(sent, CustomerPatch)


def copy(
    source: Customer, desk: Desk, base: Base, opposite: Base, rules: Rules | None = None
) -> tuple[MergedFields, Base, Base]:
    """Copy a customer as Lockstitch does."""
    patch, rules = as_patch(source), rules or Rules()
    before = {name: DIGESTS.state(name, getattr(desk.stored, name)) for name in NAMES}
    merge_result = merge(patch, NAMES, desk.stored, base, rules, DIGESTS)
    desk.write(merge_result.patch)
    copied = Copied(
        names=NAMES,
        sent=patch,
        after=desk.stored,
        before=before,
        written=merge_result.patch,
        composed=(),
        missing=rules.missing,
    )
    ahead, back = renewed(base, opposite, copied, DIGESTS)
    return merge_result, {**base, **ahead}, {**opposite, **back}


def sent(merge_result: MergedFields) -> set[str]:
    return {name for name in NAMES if getattr(merge_result.patch, name) is not msgspec.UNSET}


def keys(name: str, customer: Customer) -> set[str]:
    return {
        one.lower() if isinstance(one, str) else getattr(one, "address", "") or one.e164
        for one in getattr(customer, name)
    }


def test_a_value_that_the_source_clears_and_the_target_keeps_is_compared_once() -> None:
    source, desk = Customer(first_name="red", job_title="red"), Desk(Customer())
    _, base, opposite = copy(source, desk, {}, {})
    desk.stored = msgspec.structs.replace(desk.stored, job_title="green")
    source = msgspec.structs.replace(source, job_title=None)
    _, base, _ = copy(source, desk, base, opposite)
    assert desk.stored.job_title == "green"
    assert base["job_title"].source == ""


@given(customers(), st.lists(customers(), max_size=4))
def test_nothing_is_written_twice(first: Customer, others: list[Customer]) -> None:
    desk = Desk(Customer())
    base: Base = {}
    opposite: Base = {}
    for source in (first, *others):
        _, base, opposite = copy(source, desk, base, opposite)
        states = {name: DIGESTS.state(name, getattr(as_patch(source), name)) for name in NAMES}
        assert is_unchanged(base, states, ())
        assert is_as_left(base, {name: DIGESTS.state(name, getattr(desk.stored, name)) for name in NAMES})
        merge_result, base, opposite = copy(source, desk, base, opposite)
        assert (sent(merge_result), merge_result.conflicts, merge_result.removed) == (set(), (), 0)


@pytest.mark.parametrize("tags", [("gold tier", "gold_tier"), ("gold_tier", "red", "Gold Tier")])
@pytest.mark.parametrize("owners", [{}, {"tags": "source"}])
def test_two_spellings_of_a_tag_settle_where_they_are_one(tags: tuple[str, ...], owners: dict[str, Side]) -> None:
    desk, rules = Desk(Customer()), Rules(owners=owners)
    _, base, opposite = copy(Customer(tags=tags), desk, {}, {}, rules)
    assert "gold_tier" in desk.stored.tags
    for note in ("red", "blue"):
        merge_result, base, opposite = copy(Customer(tags=tags, notes=note), desk, base, opposite, rules)
        assert sent(merge_result) == {"notes"}


@given(customers(), customers(), customers())
def test_a_target_that_nobody_else_changes_follows(stored: Customer, first: Customer, second: Customer) -> None:
    """It starts with nothing, so a copy has put everything there."""
    desk = Desk(Customer())
    _, base, opposite = copy(first, desk, {}, {})
    merge_result, base, opposite = copy(second, desk, base, opposite)
    assert merge_result.conflicts == ()
    assert desk.stored.job_title == second.job_title
    assert desk.stored.notes == (second.notes and second.notes.lower())
    assert desk.stored.first_name == (second.first_name or first.first_name)
    assert keys("tags", desk.stored) == keys("tags", second)
    assert keys("emails", desk.stored) == keys("emails", second)
    assert keys("phones", desk.stored) <= keys("phones", second)
    assert bool(desk.stored.phones) == bool(second.phones)


@given(customers(), customers(), customers(), customers())
def test_what_the_target_has_of_its_own_stays(
    own: Customer, first: Customer, second: Customer, third: Customer
) -> None:
    """It is lost only where the source has changed the same value, and then it is named."""
    desk = Desk(own)
    _, base, opposite = copy(first, desk, {}, {})
    before = desk.stored
    changed = msgspec.structs.replace(before, job_title=third.job_title, tags=third.tags)
    desk.stored = changed
    merge_result, base, opposite = copy(second, desk, base, opposite)
    if second.job_title == first.job_title:
        assert desk.stored.job_title == changed.job_title
    elif before.job_title != changed.job_title and desk.stored.job_title != changed.job_title:
        assert "job_title" in merge_result.conflicts
    for tag in keys("tags", changed) - keys("tags", first):
        assert tag in keys("tags", desk.stored)
    for tag in keys("tags", own) & keys("tags", first) & keys("tags", changed):
        assert tag in keys("tags", desk.stored)  # it was there before
    for tag in keys("tags", first) - keys("tags", changed):
        assert (tag in keys("tags", desk.stored)) <= (tag in keys("tags", second) - keys("tags", first))


@given(customers(), customers(), customers())
def test_nothing_is_cleared_that_was_there_before(own: Customer, first: Customer, second: Customer) -> None:
    desk = Desk(own)
    _, base, opposite = copy(first, desk, {}, {})
    copy(second, desk, base, opposite)
    for name in ("first_name", "job_title", "notes"):
        before, there = getattr(own, name), getattr(first, name)
        if before is not None and (there is None or there == before):
            assert getattr(desk.stored, name) is not None
    assert keys("tags", own) <= keys("tags", desk.stored)


@given(customers(), customers(), st.sets(st.sampled_from(NAMES)))
def test_what_the_source_could_not_supply_is_not_cleared(first: Customer, second: Customer, missing: set[str]) -> None:
    desk = Desk(Customer())
    _, base, opposite = copy(first, desk, {}, {})
    before = desk.stored
    poor = msgspec.structs.replace(
        second,
        **{name: type(getattr(second, name))() if name in ("tags", "phones", "emails") else None for name in missing},
    )
    merge_result, base, opposite = copy(poor, desk, base, opposite, Rules(missing=missing))
    for name in missing:
        assert getattr(desk.stored, name) == getattr(before, name)
    merge_result, *_ = copy(first, desk, base, opposite)
    assert sent(merge_result) & missing == set()


@given(customers(), customers(), customers(), st.sampled_from(("source", "target")))
def test_an_owner_decides(first: Customer, second: Customer, third: Customer, owner: Side) -> None:
    desk, rules = Desk(Customer()), Rules(owners=dict.fromkeys(NAMES, owner))
    _, base, opposite = copy(first, desk, {}, {}, rules)
    desk.write(as_patch(third))
    before = desk.stored
    merge_result, *_ = copy(second, desk, base, opposite, rules)
    assert merge_result.conflicts == () or owner == "source"
    if before.job_title != first.job_title and second.job_title not in (first.job_title, before.job_title):
        kept = owner == "target" or second.job_title is None
        assert desk.stored.job_title == (before.job_title if kept else second.job_title)
        assert ("job_title" in merge_result.kept) == (owner == "target")
    if owner == "source" and second.job_title is not None:
        assert desk.stored.job_title == second.job_title


@given(customers(), customers())
def test_a_login_stays_the_primary_address(first: Customer, second: Customer) -> None:
    desk, rules = Desk(Customer()), Rules(keeps_login=True)
    _, base, opposite = copy(first, desk, {}, {}, rules)
    before = [one.address for one in desk.stored.emails if one.is_primary]
    copy(second, desk, base, opposite, rules)
    after = [one.address for one in desk.stored.emails if one.is_primary]
    assert after == (before or after)
    assert keys("emails", first) <= keys("emails", desk.stored)
    assert keys("emails", second) <= keys("emails", desk.stored)


@given(customers(), st.sampled_from(("job_title", "tags", "phones")), customers())
def test_a_loss_is_no_change_in_the_other_direction(first: Customer, name: str, other: Customer) -> None:
    desk = Desk(Customer())
    _, base, opposite = copy(first, desk, {}, {})
    states = {one: DIGESTS.state(one, getattr(as_patch(desk.stored), one)) for one in NAMES}
    assert is_unchanged(opposite, states, ())
    shop = Desk(first)
    merge_result, *_ = copy(desk.stored, shop, opposite, base)
    assert (sent(merge_result), shop.stored) == (set(), first)
    changed: Any = msgspec.structs.replace(desk.stored, job_title=other.job_title)
    merge_result, *_ = copy(changed, shop, opposite, base)
    assert sent(merge_result) <= {"job_title"}
    assert shop.stored.notes == first.notes


@given(customers(), customers(), customers())
def test_what_two_have_from_a_third_is_known_of_both(other: Customer, first: Customer, new: Customer) -> None:
    source, target = Desk(Customer()), Desk(other)
    known = base_of_siblings(copy(first, source, {}, {})[1], copy(first, target, {}, {})[1])
    texts = {name for name in ("job_title", "notes") if getattr(first, name)}
    assert texts <= known.keys()
    target.stored = msgspec.structs.replace(target.stored, job_title="own", notes="own")
    merge_result, *_ = copy(source.stored, target, known, {})
    assert not texts & sent(merge_result)
    merge_result, *_ = copy(new, target, known, {})
    assert merge_result.removed == 0


@given(customers(), st.sampled_from(("red", "blue")), st.sampled_from(("green", "grey")))
def test_a_change_that_has_stayed_is_known_later(first: Customer, own: str, new: str) -> None:
    desk = Desk(Customer())
    source = msgspec.structs.replace(first, job_title="white")
    _, base, opposite = copy(source, desk, {}, {})
    desk.stored = msgspec.structs.replace(desk.stored, job_title=own)
    source = msgspec.structs.replace(source, notes="new")
    _, base, opposite = copy(source, desk, base, opposite)
    assert desk.stored.job_title == own
    merge_result, *_ = copy(msgspec.structs.replace(source, job_title=new), desk, base, opposite)
    assert (desk.stored.job_title, merge_result.conflicts) == (new, ("job_title",))


def test_a_changed_only_name_that_the_target_has_as_its_other_part_is_not_added() -> None:
    base = {"last_name": FieldBase(source=DIGESTS.of("last_name", "Ada"), target=DIGESTS.of("last_name", None))}
    patch, target = CustomerPatch(last_name="Eve"), Customer(first_name="Eve")
    assert merge(patch, ["last_name"], target, base, Rules(), DIGESTS).patch == CustomerPatch()


def copied(name: str, items: Any, stored: Customer, base: dict[str, FieldBase]) -> Customer:
    """Copy a list to a target that stores what it gets, twice; what it has then. The base is renewed."""
    sent = CustomerPatch(**{name: items})
    for place in range(2):
        before = {name: DIGESTS.state(name, getattr(stored, name))}
        written = merge(sent, (name,), stored, base, Rules(), DIGESTS).patch
        assert place == 0 or written == CustomerPatch()
        if getattr(written, name) is not msgspec.UNSET:
            stored = msgspec.convert(msgspec.to_builtins(written), Customer)
        result = Copied(names=(name,), sent=sent, after=stored, before=before, written=written, composed=(), missing=())
        base |= renewed(base, {}, result, DIGESTS)[0]
    return stored


@given(st.sampled_from(((True, False), (False, True), (1, 0), (0, 1))))
def test_a_setting_that_both_had_follows_also_to_no_and_to_zero(values: tuple[bool | int, bool | int]) -> None:
    kind: CustomFieldType = "boolean" if isinstance(values[0], bool) else "number"
    stored, base = Customer(custom_fields=(CustomField(key="vip", value=values[0], type=kind),)), dict[str, FieldBase]()
    for one in values:
        sent = (CustomFieldPatch(key="vip", value=one, type=kind),)
        stored = copied("custom_fields", sent, stored, base)
        assert stored.custom_fields[0].value is one


@given(st.lists(st.tuples(*[st.sampled_from(("Uferweg 3", "Am Markt 9"))] * 2), min_size=1, max_size=4))
def test_two_addresses_at_one_place_both_follow(moves: list[tuple[str, str]]) -> None:
    stored, base = Customer(), dict[str, FieldBase]()
    for billing, shipping in moves:
        homes = {"billing": billing, "shipping": shipping}
        sent = [AddressPatch(type=kind, line1=line, city="Kiel") for kind, line in homes.items()]  # type: ignore[arg-type]
        stored = copied("addresses", tuple(sent), stored, base)
        assert {one.type: one.line1 for one in stored.addresses} == homes


SPELLINGS: Final[dict[str, list[Any]]] = {
    "phones": [PhonePatch(raw="0117 496 0111"), PhonePatch(raw="+441174960111"), PhonePatch(raw="0117 4960111")],
    "tags": ["gold tier", "gold_tier", "Gold, tier"],
    "addresses": [
        AddressPatch(line1="1 Quay", city="Bristol"),
        AddressPatch(line1="1", line2="Quay Bristol"),
        AddressPatch(line1="1", line2="quay", city="Bristol", name="Ada"),
    ],
}


@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("has_own", [False, True])
def test_an_item_follows_to_another_spelling(name: str, has_own: bool) -> None:
    """Also one that the target had of its own: an address gets no parts of two."""
    base, own = dict[str, FieldBase](), {name: [msgspec.to_builtins(SPELLINGS[name][0])]}
    stored = msgspec.convert(own if has_own else {}, Customer)
    for one in SPELLINGS[name]:
        stored = copied(name, (one,), stored, base)
        assert same(getattr(stored, name), (one,), DIGESTS.fields[name])
    assert copied(name, (), stored, base) == Customer()


typed = st.lists(
    st.sampled_from([(kind, f"+44117496010{one}") for kind in ("work", "mobile") for one in "123"]),
    max_size=2,
    unique_by=(lambda one: one[0], lambda one: one[1]),
)


def typed_numbers(items: list[tuple[Any, str]]) -> tuple[Phone, ...]:
    return tuple(Phone(raw=one, e164=one, type=kind, is_primary=place == 0) for place, (kind, one) in enumerate(items))


def by_type(phones: Sequence[Any]) -> dict[str, int]:
    """The slots of a target with one number of each type."""
    return {one.type: index for index, one in reversed([*enumerate(phones)])}


def after_both_have_changed(
    first: Customer, own: tuple[Phone, ...], second: Customer, owners: dict[str, Side]
) -> tuple[dict[str, str], MergedFields]:
    """The numbers that a target with one slot for each type holds after a second copy, by type."""
    base, _ = renewed({}, {}, _copied(first, CustomerPatch(), first), DIGESTS)
    rules = Rules(slots={"phones": by_type}, owners=owners)
    merge_result = merge(as_patch(second), ("phones",), Customer(phones=own), base, rules, DIGESTS)
    written = own if merge_result.patch.phones is msgspec.UNSET else merge_result.patch.phones or ()
    assert len(by_type(written)) == len(written)
    return {one.type: str(one.e164) for one in written}, merge_result


def _copied(source: Customer, written: CustomerPatch, after: Customer) -> Copied:
    before = {"phones": DIGESTS.state("phones", source.phones)}
    patch = as_patch(source)
    return Copied(names=("phones",), sent=patch, after=after, before=before, written=written, composed=(), missing=())


@given(typed, typed, typed)
def test_a_changed_number_gets_its_slot(
    first: list[tuple[str, str]], own: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    """A number that only the target has changed or added, of another type, stays."""
    customers = [Customer(phones=typed_numbers(one)) for one in (first, second)]
    then, now, there = dict(first), dict(second), dict(own)
    numbers_after, merge_result = after_both_have_changed(customers[0], typed_numbers(own), customers[1], {})
    known = set(then.values())
    for kind, number in now.items():
        if number in there.values():  # the target may have it as another type
            assert number in numbers_after.values()
        elif number not in known:  # new at the source
            assert numbers_after[kind] == number
            assert there.get(kind) in (None, number, *known) or merge_result.conflicts == ("phones",)
    for kind, number in there.items():
        if kind not in now and number not in {*known, *now.values()}:  # new at the target
            assert numbers_after[kind] == number


def test_a_new_number_gets_the_slot_to_which_the_target_moved_another() -> None:
    first, second = [("work", "+441174960101")], [("work", "+441174960101"), ("mobile", "+441174960102")]
    moved = typed_numbers([("mobile", "+441174960101")])
    customers = [Customer(phones=typed_numbers(one)) for one in (first, second)]

    numbers_after, merge_result = after_both_have_changed(customers[0], moved, customers[1], {})
    assert (numbers_after, merge_result.conflicts) == (dict(second), ("phones",))

    numbers_after, merge_result = after_both_have_changed(customers[0], moved, customers[1], {"phones": "target"})
    assert (numbers_after, merge_result.kept) == ({"mobile": "+441174960101"}, ("phones",))


@given(typed, typed, typed)
def test_a_slot_of_the_target_stays_as_its_owner_has_it(
    first: list[tuple[str, str]], own: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    customers = [Customer(phones=typed_numbers(one)) for one in (first, second)]
    numbers_after, merge_result = after_both_have_changed(
        customers[0], typed_numbers(own), customers[1], {"phones": "target"}
    )
    both = {*dict(first).values(), *dict(second).values()}
    for kind, number in own:
        if number not in both:
            assert numbers_after[kind] == number
            if dict(second).get(kind) not in (None, *dict(first).values(), *dict(own).values()):
                assert merge_result.kept == ("phones",)
    assert merge_result.conflicts == ()
