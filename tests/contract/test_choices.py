"""A custom field accepts only the account's choices, at every vendor that lists them. Other values are not sent."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import httpx
import pytest

from app.dev.folder import EMULATOR_CREDENTIALS
from tests.contract.callers import Caller, code_of, expect
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_key
from tests.contract.samples import word
from tests.contract.vendor_samples import SAMPLES, all_vendors
from tests.contract.waiting import until

PART: Final = 27100000009001
SETTING: Final = """
[[connections.{connection}.custom_fields.{object}s]]
key = "chosen"
vendor_field = "{vendor_field}"
type = "{type}"
"""


class Chosen(NamedTuple):
    """A custom field of one object at one vendor: how a test defines its choices, some of them, and where the vendor's
    record holds the value."""

    sample: str
    vendor_field: str
    type: str
    define: Callable[[Emulators, list[str]], None]
    choices: list[str]

    @property
    def setting(self) -> str:
        """The lines of the configuration."""
        sample = SAMPLES[self.sample]
        return SETTING.format(
            connection=sample.vendor, object=sample.object, vendor_field=self.vendor_field, type=self.type
        )

    def value(self, choice: str) -> Any:
        """One choice, as the field takes it."""
        return [choice] if self.type == "multi_enum" else choice


def standard(vendors: Emulators, choices: list[str]) -> None:
    """Every account has it."""


def zendesk(object_name: str, **facts: Any) -> Callable[[Emulators, list[str]], None]:
    def define(vendors: Emulators, choices: list[str]) -> None:
        options = [{"name": one.title(), "value": one} for one in choices]
        vendors.place("zendesk", object_name, {"title": "Part", "custom_field_options": options, **facts})

    return define


def freshdesk(object_name: str, name: str) -> Callable[[Emulators, list[str]], None]:
    def define(vendors: Emulators, choices: list[str]) -> None:
        field = {"id": 43, "name": name, "label": "Part", "type": "custom_dropdown", "default": False}
        vendors.place("freshdesk", object_name, field | {"choices": choices})

    return define


def salesforce(sobject: str, name: str, type: str, *, restricted: bool) -> Callable[[Emulators, list[str]], None]:
    def define(vendors: Emulators, choices: list[str]) -> None:
        field = {"sobject": sobject, "name": name, "type": type, "values": choices, "restricted": restricted}
        vendors.place("salesforce", "fields", field)

    return define


def metafield(vendors: Emulators, choices: list[str]) -> None:
    definition = {
        "name": "Part",
        "namespace": "stitch",
        "key": "part",
        "type": "single_line_text_field",
        "ownerType": "ORDER",
        "validations": [{"name": "choices", "value": json.dumps(choices)}],
    }
    query = """mutation ($definition: MetafieldDefinitionInput!) {
      metafieldDefinitionCreate(definition: $definition) { userErrors { message } } }"""
    answer = httpx.post(
        f"{vendors.url}/shopify/admin/api/2026-07/graphql.json",
        json={"query": query, "variables": {"definition": definition}},
        headers={"X-Shopify-Access-Token": EMULATOR_CREDENTIALS["LOCKSTITCH_DEV_SHOPIFY_TOKEN"]},
    )
    assert answer.json()["data"]["metafieldDefinitionCreate"]["userErrors"] == [], answer.text


WORDS: Final = ["foot", "needle"]
JUDGED: Final = {
    one.sample: one
    for one in (
        Chosen("freshdesk customer", "cf_part", "enum", freshdesk("contact_fields", "cf_part"), WORDS),
        Chosen("freshdesk ticket", "cf_piece", "enum", freshdesk("ticket_fields", "cf_piece"), WORDS),
        Chosen("hubspot customer", "hs_buying_role", "multi_enum", standard, ["CHAMPION", "DECISION_MAKER"]),
        Chosen(
            "salesforce customer",
            "Part__c",
            "enum",
            salesforce("Contact", "Part__c", "picklist", restricted=True),
            WORDS,
        ),
        Chosen(
            "salesforce ticket",
            "Part__c",
            "multi_enum",
            salesforce("Case", "Part__c", "multipicklist", restricted=True),
            WORDS,
        ),
        Chosen("shopify order", "stitch.part", "enum", metafield, WORDS),
        Chosen("zendesk customer", "part", "enum", zendesk("user_fields", key="part", type="dropdown"), WORDS),
        Chosen("zendesk ticket", str(PART), "enum", zendesk("ticket_fields", id=PART, type="tagger"), WORDS),
    )
}
OPEN: Final = {
    one.sample: one
    for one in (
        Chosen(
            "salesforce order", "Part__c", "enum", salesforce("Order", "Part__c", "picklist", restricted=False), WORDS
        ),
        Chosen("stripe customer", "part", "enum", standard, []),
        Chosen("woocommerce customer", "part", "enum", standard, []),
    )
}
"""Fields without listed choices, and a picklist that accepts other values too."""


@pytest.fixture(scope="module")
def running_facade(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Facade]:
    """A Lockstitch of this module, with a custom field of each kind at accounts that know its choices."""
    settings = "".join(one.setting for one in (JUDGED | OPEN).values())
    with all_vendors(tmp_path_factory.mktemp("choices"), module_database_url, more=settings) as facade:
        for one in (JUDGED | OPEN).values():
            one.define(facade.vendors, one.choices)
        yield facade


full_key = own_key()


def body(chosen: Chosen, choice: str) -> dict[str, Any]:
    """A record to create whose field holds this choice."""
    whole = SAMPLES[chosen.sample].body(word())
    field = {"key": "chosen", "value": chosen.value(choice)}
    return whole | {"custom_fields": [*whole.get("custom_fields", ()), field]}


def choice_in(record: dict[str, Any]) -> Any:
    """What the field reads."""
    return next(one["value"] for one in record["custom_fields"] if one["key"] == "chosen")


def writes(vendors: Emulators, sample: str) -> int:
    """How many records of this kind there are at the vendor."""
    return len(vendors.records(SAMPLES[sample].vendor, SAMPLES[sample].held_as))


@pytest.mark.parametrize("name", JUDGED)
def test_a_choice_that_the_account_has_is_written(caller: Caller, name: str) -> None:
    chosen = JUDGED[name]
    sample = SAMPLES[name]
    record = caller.create(sample.collection(), body(chosen, chosen.choices[0]))
    assert choice_in(caller.get(f"{sample.path}/{record['id']}").json()) == chosen.value(chosen.choices[0])


@pytest.mark.parametrize("name", JUDGED)
def test_another_one_is_refused_with_the_choices_and_nothing_is_sent(
    caller: Caller, vendors: Emulators, name: str
) -> None:
    chosen, sample = JUDGED[name], SAMPLES[name]
    record = caller.create(sample.collection(), body(chosen, chosen.choices[0]))
    before = writes(vendors, name)

    wrong = body(chosen, "bobbin")
    place = len(wrong["custom_fields"]) - 1
    made = caller.write("POST", sample.collection(), wrong)
    changed = caller.write("PATCH", f"{sample.path}/{record['id']}", {"custom_fields": wrong["custom_fields"]})
    for answer in (made, changed):
        assert code_of(answer, 422) == "invalid-field"
        (error,) = answer.json()["errors"]
        assert error["pointer"] == f"/custom_fields/{place}/value"
        assert error["detail"].startswith("'bobbin' is not a choice here; one of: ")
        assert chosen.choices[0] in error["detail"]

    assert writes(vendors, name) == before
    assert choice_in(caller.get(f"{sample.path}/{record['id']}").json()) == chosen.value(chosen.choices[0])


@pytest.mark.parametrize("name", JUDGED)
def test_what_a_drop_down_shows_is_what_a_write_takes(caller: Caller, name: str) -> None:
    sample = SAMPLES[name]
    offered = expect(caller.get(f"/v1/options/{sample.vendor}/{sample.object}/custom_fields.chosen")).json()
    assert set(JUDGED[name].choices) <= {one["value"] for one in offered["options"]}


@pytest.mark.parametrize("name", OPEN)
def test_without_known_choices_every_value_passes(caller: Caller, name: str) -> None:
    record = caller.create(SAMPLES[name].collection(), body(OPEN[name], "bobbin"))
    assert choice_in(record) == "bobbin"


def test_a_choice_that_was_added_counts_as_soon_as_the_lists_are_fresh(caller: Caller, vendors: Emulators) -> None:
    chosen = JUDGED["zendesk ticket"]
    expect(caller.write("POST", "/v1/tickets?connection=zendesk", body(chosen, "shuttle")), 422, "invalid-field")
    chosen.define(vendors, [*WORDS, "shuttle"])
    # What came in the last seconds is not asked for again.
    until(
        lambda: caller.get("/v1/options/zendesk/ticket/custom_fields.chosen?max_age=0").json()["options"],
        lambda options: "shuttle" in [one["value"] for one in options],
    )
    assert choice_in(caller.create("/v1/tickets?connection=zendesk", body(chosen, "shuttle"))) == "shuttle"


def test_a_queued_write_of_another_one_is_refused_at_once(caller: Caller) -> None:
    wrong = body(JUDGED["freshdesk ticket"], "bobbin")
    answer = caller.write("POST", "/v1/tickets?connection=freshdesk", wrong, headers={"prefer": "respond-async"})
    assert code_of(answer, 422) == "invalid-field"
