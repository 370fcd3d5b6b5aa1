"""What any vendor's custom fields have in common: types, and the choices that an account tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.order_patch import LineItemPatch, OrderPatch
from canonical.parts import CustomFieldPatch, CustomFieldSetting, CustomFieldType, CustomFieldValue
from mappings.kit.custom_fields import CHOOSING, MOST_NAMED, ChosenField, add_choices, named
from mappings.manifest import Option
from mappings.registry import VENDORS, AnyVendor, active
from mappings.spec import Notes
from tests.required import required

TIER = CustomFieldSetting(key="tier", vendor_field="loyalty", type="enum", label="Tier")
HOBBIES = CustomFieldSetting(key="hobbies", vendor_field="hobby", type="multi_enum")
MOTTO = CustomFieldSetting(key="motto", vendor_field="motto")


def options(*values: str) -> tuple[Option, ...]:
    return tuple(Option(value=value, label=value.title(), active=value != "bronze") for value in values)


TOLD = {
    "custom_fields.tier": options("gold", "silver", "bronze"),
    "custom_fields.hobbies": options("knots", "hems"),
    "custom_fields.motto": options("onwards"),
    "tier": options("nickel"),
}
WITH_CHOICES = add_choices((TIER, HOBBIES, MOTTO), TOLD)


def judged(
    settings: tuple[CustomFieldSetting, ...], **values: CustomFieldValue
) -> tuple[dict[str, CustomFieldValue], dict[str, str]]:
    """What may be written, by key, and what is refused, by pointer."""
    notes = Notes()
    patch = tuple(CustomFieldPatch(key=key, value=value) for key, value in values.items())
    written = {setting.key: value for _, setting, value in named(patch, settings, notes)}
    assert {one.kind for one in notes.refused} <= {"invalid"}
    return written, {one.pointer: one.detail for one in notes.refused}


def test_only_enumerations_take_the_choices_that_the_account_tells() -> None:
    tier, hobbies, motto = WITH_CHOICES
    assert isinstance(tier, ChosenField)
    assert isinstance(hobbies, ChosenField)
    assert (tier.key, tier.vendor_field, tier.type, tier.label) == ("tier", "loyalty", "enum", "Tier")
    assert (tier.choices, hobbies.choices) == (("gold", "silver", "bronze"), ("knots", "hems"))
    assert motto is MOTTO


def test_an_open_field_and_one_without_options_stay_as_they_are() -> None:
    assert add_choices((TIER, HOBBIES), TOLD, frozenset(("tier",)))[0] is TIER
    assert add_choices((TIER,), {}) == (TIER,)


def test_a_choice_that_the_account_does_not_have_is_refused_with_those_that_it_has() -> None:
    written, refused = judged(WITH_CHOICES, tier="platinum", hobbies=["knots", "kites"], motto="anything")
    assert written == {"motto": "anything"}
    assert refused == {
        "/custom_fields/0/value": "'platinum' is not a choice here; one of: gold, silver, bronze",
        "/custom_fields/1/value": "'kites' is not a choice here; one of: knots, hems",
    }


@pytest.mark.parametrize("values", [{"tier": "bronze"}, {"tier": None}, {"tier": ""}, {"hobbies": []}])
def test_what_can_be_held_and_what_empties_a_field_pass(values: dict[str, CustomFieldValue]) -> None:
    assert judged(WITH_CHOICES, **values) == (values, {})


def test_where_the_account_tells_nothing_the_vendor_judges() -> None:
    assert judged((TIER, HOBBIES), tier="platinum", hobbies=["kites"]) == (
        {"tier": "platinum", "hobbies": ["kites"]},
        {},
    )


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-02:00"])
def test_a_time_that_does_not_exist_in_utc_is_refused(value: str) -> None:
    opened = CustomFieldSetting(key="opened", vendor_field="opened", type="datetime")
    refused = {"/custom_fields/0/value": "must be a time such as 2026-05-01T09:30:00Z"}
    assert judged((opened,), opened=value) == ({}, refused)
    assert judged((opened,), opened=value[:19] + "Z") == ({"opened": value[:19] + "Z"}, {})


def test_a_long_list_is_cut_off_and_so_is_what_was_sent() -> None:
    (setting,) = add_choices((TIER,), {"custom_fields.tier": options(*(f"tier{n}" for n in range(500)))})
    _, refused = judged((setting,), tier="x" * 5000)
    detail = refused["/custom_fields/0/value"]
    assert f"tier{MOST_NAMED - 1} and {500 - MOST_NAMED} more" in detail
    assert f"tier{MOST_NAMED}," not in detail
    assert len(detail) < 400


@given(
    kind=st.sampled_from(sorted(CHOOSING)),
    choices=st.lists(st.text(min_size=1), min_size=1, unique=True),
    sent=st.lists(st.text(), max_size=4),
    data=st.data(),
)
def test_nothing_but_the_choices_ever_passes(
    kind: CustomFieldType, choices: list[str], sent: list[str], data: st.DataObject
) -> None:
    setting = CustomFieldSetting(key="k", vendor_field="v", type=kind)
    known = add_choices((setting,), {"custom_fields.k": tuple(Option(value=one, label=one) for one in choices)})
    several = [*sent, *data.draw(st.lists(st.sampled_from(choices), max_size=3))]
    value: CustomFieldValue = several if kind == "multi_enum" else (several or [""])[0]
    written, refused = judged(known, k=value)
    fits = value == "" if value == "" else set(several if kind == "multi_enum" else [value]) <= set(choices)
    assert (written == {"k": value}) is bool(fits)
    assert bool(refused) is not bool(fits)


@pytest.mark.parametrize("vendor", [one for one in VENDORS.values() if active(one, "order")], ids=lambda one: one.name)
def test_a_vendor_declares_line_fields_if_its_orders_take_them(vendor: AnyVendor) -> None:
    setting = CustomFieldSetting(key="engraving", vendor_field="line:Engraving")
    account = vendor.build_account(tuple(None for _ in vendor.account_requests), {"order": (setting,)})
    engraved = (CustomFieldPatch(key="engraving", value="Ann"),)
    line = LineItemPatch(name="Mug", quantity="1", unit_price="9.00", custom_fields=engraved)
    draft = required(active(vendor, "order")).to_vendor(OrderPatch(currency="EUR", line_items=(line,)), None, account)
    refused = [one.pointer for one in draft.refused if one.pointer.startswith("/line_items/0/custom_fields")]
    assert vendor.line_fields == (not refused)
