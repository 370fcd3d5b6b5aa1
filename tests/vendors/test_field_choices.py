"""What custom fields can hold is among the facts about an account, where a connection has such fields."""

import asyncio
from typing import Any

import msgspec
import pytest

from app.errors import VendorUnavailable
from canonical.parts import CustomFieldSetting, ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.manifest import Choices, FieldOptions, Option, Pages
from mappings.spec import VendorDrift
from tests.vendors.acme import QUICK, Account, asking, within
from tests.vendors.vendor_server import Call, Reply, running_vendor

FACTS = (VendorRequest(method="GET", path="/stages", route="/stages"),)
PEOPLE = VendorRequest(method="GET", path="/people", route="/people")
FIELDS = VendorRequest(method="GET", path="/fields", route="/fields")
SETTINGS = (
    CustomFieldSetting(key="tier", vendor_field="loyalty", type="enum"),
    CustomFieldSetting(key="hobbies", vendor_field="hobby", type="multi_enum"),
    CustomFieldSetting(key="motto", vendor_field="motto"),
)


class _Mapped:
    """As much of a mapping as says of which objects there are some."""

    object = "customer"


def following(request: VendorRequest, reply: VendorReply) -> VendorRequest | None:
    """A body that ends in `>` has a second page."""
    return msgspec.structs.replace(request, query=(("page", "2"),)) if reply.body.endswith(b">") else None


def read(account: Account, object_name: ObjectName, replies: tuple[Pages, ...]) -> FieldOptions:
    """A page of fields is lines such as `tier=gold,silver`; a page of people, names."""
    people, fields = ([page.body.decode() for page in pages] for pages in replies)
    lines = [line for page in fields for line in page.removesuffix(">").split()]
    if any("=" not in line for line in lines):
        raise VendorDrift("$", "a field without choices")
    choices = {f"custom_fields.{name}": values for name, _, values in (line.partition("=") for line in lines)}
    options = {
        name: tuple(Option(value=one, label=one) for one in values.split(",")) for name, values in choices.items()
    }
    return options | ({"owner": tuple(Option(value=one, label=one) for one in people)} if people else {})


CHOOSING: dict[str, Any] = {
    "account_requests": FACTS,
    "choices": Choices[Account](
        requests=lambda account: (PEOPLE, FIELDS),
        following=following,
        read=read,
        definitions={"customer": FIELDS, "ticket": PEOPLE},
    ),
    "mappings": (_Mapped(),),
    "custom_fields": {"customer": SETTINGS},
}
ANSWERS = {"/stages": b"new", "/people": b"ann", "/fields": b"tier=gold,silver>", "/fields?page=2": b"hobbies=knots"}
CHOICES = {"tier": ("gold", "silver"), "hobbies": ("knots",)}


def telling(call: Call) -> Reply:
    return Reply(body=ANSWERS[call.target])


async def test_choices_are_read_to_their_end_and_people_are_not_asked_for() -> None:
    async with running_vendor(telling) as vendor, asking(vendor.url, **CHOOSING) as acme:
        account = await acme.account()
        assert (account.choices, account.fields) == (CHOICES, ("tier", "hobbies", "motto"))
        assert sorted(vendor.targets()) == ["GET /fields", "GET /fields?page=2", "GET /stages"]


async def test_a_connection_without_enumerations_asks_nothing_more() -> None:
    plain = CHOOSING | {"custom_fields": {"customer": SETTINGS[2:]}}
    async with running_vendor(telling) as vendor, asking(vendor.url, **plain) as acme:
        assert (await acme.account()).choices == {}
        assert vendor.targets() == ["GET /stages"]


async def test_an_open_field_has_no_choices_to_check() -> None:
    choices = CHOOSING["choices"]
    loose = CHOOSING | {
        "choices": Choices[Account](
            requests=choices.requests,
            following=choices.following,
            read=choices.read,
            definitions=choices.definitions,
            open_fields=lambda account, object_name: frozenset(("tier",)),
        )
    }
    async with running_vendor(telling) as vendor, asking(vendor.url, **loose) as acme:
        assert (await acme.account()).choices == {"hobbies": ("knots",)}


@pytest.mark.parametrize("reply", [Reply(status=403), Reply(body=b"nothing-that-could-be-read")])
async def test_what_the_vendor_does_not_tell_is_not_guessed(reply: Reply) -> None:
    def silent(call: Call) -> Reply:
        return reply if call.target.startswith("/fields") else telling(call)

    async with running_vendor(silent) as vendor, asking(vendor.url, **CHOOSING) as acme:
        account = await acme.account()
        assert (account.choices, account.answers) == ({}, ("new",))
        assert vendor.targets() == ["GET /stages", "GET /fields"]


async def test_choices_that_could_not_be_had_are_asked_for_soon_again() -> None:
    def half(call: Call) -> Reply:
        return Reply(status=503) if call.target.startswith("/fields") else telling(call)

    async with running_vendor(half) as vendor, asking(vendor.url, **CHOOSING) as acme:
        assert (await acme.account()).choices == {}
        vendor.always = telling
        await asyncio.sleep(QUICK.account_retry)
        await acme.account()
        # The stages, the fields in vain, then both pages of the fields. The stages are asked for again if they are old.
        await vendor.received(1 + QUICK.attempts + 2)
        await asyncio.sleep(0.1)
        assert (await acme.account()).choices == CHOICES


async def test_max_age_gives_facts_of_that_age_or_the_vendors_problem() -> None:
    async with running_vendor(telling) as vendor, asking(vendor.url, **CHOOSING) as acme:
        first = await acme.account()
        calls = len(vendor.calls)
        assert await acme.account(max_age=60.0) is first
        assert len(vendor.calls) == calls
        assert await acme.account(max_age=0.0) == first
        assert len(vendor.calls) == 2 * calls
        vendor.always = Reply(status=503)
        with pytest.raises(VendorUnavailable):
            await acme.account(max_age=0.0)
        assert await acme.account() == first


async def test_lists_for_people_take_what_the_facts_have_just_brought() -> None:
    async with running_vendor(telling) as vendor, asking(vendor.url, **CHOOSING) as acme:
        options = await acme.client.options(acme.connection, deadline=within(), max_age=0)
        assert [one.value for one in options.by_object["customer"]["custom_fields.tier"]] == ["gold", "silver"]
        assert sorted(vendor.targets()) == ["GET /fields", "GET /fields?page=2", "GET /people", "GET /stages"]
