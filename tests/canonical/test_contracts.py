"""The data contracts are whole, and what they say about fields is true of the Structs."""

import tomllib
from importlib.resources import files
from typing import Any, get_args

import pytest
from msgspec import Struct
from msgspec.structs import fields

from canonical.customer import Customer
from canonical.order import Order
from canonical.parts import ObjectName
from canonical.ticket import Comment, Ticket

MODELS: dict[str, type[Struct]] = {"customer": Customer, "order": Order, "ticket": Ticket}


@pytest.fixture(params=MODELS)
def contract(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One contract, whose object is a key of MODELS."""
    name: str = request.param
    read: dict[str, Any] = tomllib.loads(files("canonical").joinpath("contracts", f"{name}.toml").read_text("utf-8"))
    assert read["object"] == name
    return read


def test_there_is_a_contract_for_every_object_with_an_id() -> None:
    assert set(MODELS) == set(get_args(ObjectName)) - {"comment"}


def test_it_says_everything_that_a_contract_has_to_say(contract: dict[str, Any]) -> None:
    assert len(contract["meaning"]) > 100
    assert contract["version"].split(".")[0] == "1"
    assert contract["owner"]["decides"]
    assert all({"name", "how"} <= producer.keys() for producer in contract["producers"])
    assert all({"name", "uses", "needs"} <= consumer.keys() for consumer in contract["consumers"])
    assert {"update_frequency", "nullability", "retention", "identifiers"} <= contract["guarantees"].keys()
    policy = contract["change_policy"]
    assert policy["compatible"]
    assert policy["breaking"]
    assert str(policy["notice_days"]) in policy["notice"]
    incidents = contract["incidents"]
    assert incidents["detect"]
    assert incidents["rollback"]


def test_nobody_is_invented_as_an_owner_or_contact(contract: dict[str, Any]) -> None:
    assert contract["owner"].keys() == {"decides"}
    assert "field_owners" not in contract
    assert contract["incidents"].keys() == {"detect", "rollback"}


def test_what_is_never_null_cannot_be_null_in_the_struct(contract: dict[str, Any]) -> None:
    """Raw siblings may be null and are left out of both; so is `raw`, which is absent rather than null."""
    model = MODELS[contract["object"]]
    never = {field.name for field in fields(model) if type(None) not in get_args(field.type)} - {"raw"}
    assert sorted(contract["guarantees"]["nullability"]["never_null"]) == sorted(never)


def test_the_ticket_contract_covers_comments() -> None:
    contract = tomllib.loads(files("canonical").joinpath("contracts", "ticket.toml").read_text("utf-8"))
    named = {field.name for field in fields(Comment) if not field.name.endswith("_raw")}
    assert set(contract["comments"]["fields"]) == named
