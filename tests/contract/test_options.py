"""What fields can hold: the account's own lists, with their age, for drop-downs; and the same lists refuse a write."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.contract.callers import Caller, code_of, expect, parameters
from tests.contract.emulators import Emulators
from tests.contract.facade import Facade
from tests.contract.own_facade import own_facade
from tests.contract.samples import ticket, word
from tests.contract.waiting import until

FIELD_ID = 27100000009001
CUSTOM = f"""
[[connections.hubspot.custom_fields.customers]]
key = "buying_role"
vendor_field = "hs_buying_role"
type = "multi_enum"

[[connections.hubspot.custom_fields.tickets]]
key = "stage"
vendor_field = "hs_pipeline_stage"
type = "enum"

[[connections.zendesk.custom_fields.tickets]]
key = "part"
vendor_field = "{FIELD_ID}"
type = "enum"

[[connections.zendesk.custom_fields.customers]]
key = "plan"
vendor_field = "plan"
type = "enum"

[[connections.shopify.custom_fields.customers]]
key = "tier"
vendor_field = "loyalty.tier"
type = "enum"
"""


running_facade, full_key = own_facade(more=CUSTOM)


def options(caller: Caller, place: str, *, max_age: int | None = None) -> dict[str, str]:
    """Label by value."""
    answer = options_of(caller, place, max_age=max_age)
    return {one["value"]: one["label"] for one in answer["options"]}


def options_of(caller: Caller, place: str, *, max_age: int | None = None) -> dict[str, Any]:
    """Return the options of a field. `max_age=0` reads them from the vendor unless they are seconds old."""
    began = datetime.now(UTC)

    def ask() -> httpx.Response:
        return caller.get(f"/v1/options/{place}", params={} if max_age is None else {"max_age": str(max_age)})

    def is_fresh(answer: httpx.Response) -> bool:
        return answer.status_code == 200 and datetime.fromisoformat(answer.json()["fetched_at"]) >= began

    answer = until(ask, is_fresh) if max_age == 0 else ask()
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_people_to_give_work_to_are_those_of_the_account(caller: Caller, vendors: Emulators) -> None:
    owner = vendors.place("hubspot", "owners", {"firstName": "Mira", "lastName": word(), "email": "mira@example.com"})
    agent = vendors.place("zendesk", "users", {"name": f"Agent {word()}", "role": "agent"})
    group = vendors.place("zendesk", "groups", {"name": f"Group {word()}"})

    assert options(caller, "hubspot/customer/owner", max_age=0)[owner["id"]] == f"Mira {owner['lastName']}"
    assert owner["id"] in options(caller, "hubspot/ticket/assignee")
    assert options(caller, "zendesk/ticket/assignee", max_age=0)[str(agent["id"])] == agent["name"]
    assert options(caller, "zendesk/ticket/team")[str(group["id"])] == group["name"]


def test_a_person_who_was_chosen_can_be_written(caller: Caller, vendors: Emulators) -> None:
    agent = vendors.place("zendesk", "users", {"name": "Agent", "role": "agent"})
    assert str(agent["id"]) in options(caller, "zendesk/ticket/assignee", max_age=0)
    body = ticket("zendesk", assignee={"connection": "zendesk", "remote_id": str(agent["id"])})
    assert caller.create("/v1/tickets?connection=zendesk", body)["assignee"]["remote_id"] == str(agent["id"])


def test_statuses_are_those_that_a_write_takes(caller: Caller) -> None:
    statuses = options(caller, "hubspot/ticket/status")
    assert statuses["waiting_on_customer"] == "Waiting on contact"
    for status in statuses:
        caller.create("/v1/tickets?connection=hubspot", ticket("hubspot", status=status))
    answer = caller.write("POST", "/v1/tickets?connection=hubspot", ticket("hubspot", status="spam"))
    assert code_of(answer, 422) == "invalid-field"
    listed = answer.json()["errors"][0]["detail"].partition("one of: ")[2].split(", ")
    assert listed == list(statuses)
    assert "new" in options(caller, "zendesk/ticket/status")
    assert (
        options(caller, "hubspot/ticket/stage").keys() == options(caller, "hubspot/ticket/custom_fields.stage").keys()
    )
    assert options(caller, "hubspot/ticket/pipeline")["0"] == "Support Pipeline"


def test_stages_and_words_of_hubspot_are_ours(caller: Caller) -> None:
    assert options(caller, "hubspot/customer/lifecycle_stage")["marketing_qualified"] == "Marketing Qualified Lead"
    assert options(caller, "hubspot/ticket/priority").keys() >= {"low", "normal", "high", "none"}
    assert "Europe/Berlin" in options(caller, "hubspot/customer/timezone")
    assert "de" in options(caller, "hubspot/customer/language")


def test_choices_of_custom_fields(caller: Caller, vendors: Emulators) -> None:
    choices = [{"name": "Presser foot", "value": "foot"}, {"name": "Needle", "value": "needle"}]
    vendors.place(
        "zendesk",
        "ticket_fields",
        {"id": FIELD_ID, "type": "tagger", "title": "Part", "custom_field_options": choices},
    )
    plans = [{"name": "Gold", "value": "plan_gold"}]
    field = {"key": "plan", "type": "dropdown", "title": "Plan", "custom_field_options": plans}
    vendors.place("zendesk", "user_fields", field)

    listed = options(caller, "zendesk/ticket/custom_fields.part", max_age=0)
    assert listed == {"foot": "Presser foot", "needle": "Needle"}
    assert options(caller, "zendesk/customer/custom_fields.plan") == {"plan_gold": "Gold"}
    assert "DECISION_MAKER" in options(caller, "hubspot/customer/custom_fields.buying_role")


def test_choices_of_metafields(facade: Facade, caller: Caller) -> None:
    definition = {
        "name": "Tier",
        "namespace": "loyalty",
        "key": "tier",
        "type": "single_line_text_field",
        "ownerType": "CUSTOMER",
        "validations": [{"name": "choices", "value": '["gold", "silver"]'}],
    }
    query = """mutation ($definition: MetafieldDefinitionInput!) {
      metafieldDefinitionCreate(definition: $definition) { userErrors { message } } }"""
    answer = httpx.post(
        f"{facade.emulators.url}/shopify/admin/api/2026-07/graphql.json",
        json={"query": query, "variables": {"definition": definition}},
        headers={"X-Shopify-Access-Token": "shopify-dev-token"},
    )
    assert answer.json()["data"]["metafieldDefinitionCreate"]["userErrors"] == [], answer.text
    assert options(caller, "shopify/customer/custom_fields.tier", max_age=0) == {"gold": "gold", "silver": "silver"}


def test_lists_are_kept_and_tell_their_age(caller: Caller, vendors: Emulators) -> None:
    first = options_of(caller, "zendesk/ticket/team")
    group = vendors.place("zendesk", "groups", {"name": f"Group {word()}"})
    kept = options_of(caller, "zendesk/ticket/team")
    assert (kept["options"], kept["fetched_at"]) == (first["options"], first["fetched_at"])
    assert kept["age_seconds"] >= first["age_seconds"]
    fresh = options_of(caller, "zendesk/ticket/team", max_age=0)
    assert str(group["id"]) in [one["value"] for one in fresh["options"]]
    assert fresh["fetched_at"] > first["fetched_at"]


def test_old_lists_are_given_out_while_the_vendor_is_away(caller: Caller, vendors: Emulators) -> None:
    first = options_of(caller, "zendesk/ticket/team")
    vendors.break_("zendesk", "status", path="/api/v2/groups", times=None, status=503)
    assert options_of(caller, "zendesk/ticket/team")["fetched_at"] == first["fetched_at"]
    answer = until(
        lambda: caller.get("/v1/options/zendesk/ticket/team?max_age=0"),
        lambda answer: answer.status_code != 200,
    )
    assert code_of(answer, 503) == "vendor-unavailable"


def test_a_field_without_options_names_those_that_have_some(caller: Caller) -> None:
    answer = expect(caller.get("/v1/options/hubspot/customer/first_name"), 422, "invalid-field")
    assert parameters(answer) == ["field"]
    for name in ("custom_fields.buying_role", "lifecycle_stage", "owner"):
        assert name in answer.json()["detail"]


def test_what_is_not_there_is_not_found(caller: Caller) -> None:
    assert code_of(caller.get("/v1/options/nowhere/ticket/status"), 404) == "not-found"
    assert code_of(caller.get("/v1/options/zendesk/tickets/status"), 404) == "not-found"
    assert code_of(caller.get("/v1/options/zendesk/comment/visibility"), 404) == "not-found"
    assert code_of(caller.get("/v1/options/zendesk/order/status"), 422) == "unsupported-action"
    assert code_of(caller.get("/v1/options/gateway/order/status"), 422) == "unsupported-action"
    assert code_of(caller.get("/v1/options/zendesk/ticket/status?max_age=old"), 422) == "invalid-field"


@pytest.mark.parametrize("scope", ["tickets:read", "tickets:write"])
def test_the_scope_is_that_of_the_object(facade: Facade, scope: str) -> None:
    with facade.calling(scope) as one:
        assert one.get("/v1/options/zendesk/ticket/status").status_code == 200
        assert code_of(one.get("/v1/options/zendesk/customer/status"), 403) == "forbidden"


def test_every_key_can_list_the_connections_and_what_they_can_do(facade: Facade) -> None:
    with facade.calling("subscriptions:read") as any_key:
        answer = any_key.get("/v1/connections")
    assert answer.status_code == 200, answer.text
    offered = {one["name"]: one for one in answer.json()["data"]}
    assert list(offered) == sorted(offered)
    hubspot = {one["object"]: one for one in offered["hubspot"]["objects"]}
    assert (offered["hubspot"]["vendor"], offered["hubspot"]["title"]) == ("hubspot", "HubSpot")
    assert hubspot["customer"] == {
        "object": "customer",
        "verbs": ["read", "list", "create", "update", "upsert", "archive"],
        "look_ups": ["email", "external_id"],
        "system_of_record": True,
    }
    assert not hubspot["ticket"]["system_of_record"]
    assert [one["object"] for one in offered["zendesk"]["objects"]] == ["customer", "ticket"]
