"""Lists for drop-downs: asked for once for everybody, page by page, kept with their age."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from app.errors import VendorUnavailable
from app.vendors.models import OptionLists
from canonical.parts import ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.manifest import Choices, FieldOptions, Option, Pages
from mappings.spec import Unmappable
from tests.vendors.acme import QUICK, Account, Asker, asking, within
from tests.vendors.vendor_server import Call, Reply, running_vendor

PEOPLE = VendorRequest(method="GET", path="/people", route="/people")
GROUPS = VendorRequest(method="GET", path="/groups", route="/groups")


def following(request: VendorRequest, reply: VendorReply) -> VendorRequest | None:
    """A body such as `ann>2` says that page 2 follows."""
    _, more, page = reply.body.decode().partition(">")
    return msgspec.structs.replace(request, query=(("page", page),)) if more else None


def read(account: Account, object_name: ObjectName, replies: tuple[Pages, ...]) -> FieldOptions:
    people, groups = (tuple(page.body.decode().partition(">")[0] for page in pages) for pages in replies)
    lists = {"people": people, "groups": groups}
    return {
        field: tuple(Option(value=one, label=one) for one in choices) for field, choices in lists.items() if choices
    }


class _Mapped:
    """As much of a mapping as says of which objects there are some."""

    object = "customer"


CHOOSING: dict[str, Any] = {
    "choices": Choices[Account](requests=lambda account: (PEOPLE, GROUPS), following=following, read=read),
    "mappings": (_Mapped(),),
}


async def lists(acme: Asker, max_age: float | None = None, seconds: float = 5.0) -> OptionLists:
    return await acme.client.options(acme.connection, deadline=within(seconds), max_age=max_age)


def values(option_lists: OptionLists, field: str) -> list[str]:
    return [one.value for one in option_lists.by_object["customer"].get(field, ())]


def pages(call: Call) -> Reply:
    return Reply(body={"/people": b"ann>2", "/people?page=2": b"bob", "/groups": b"crew"}[call.target])


async def test_lists_are_read_to_their_end_and_kept() -> None:
    async with running_vendor(pages) as vendor, asking(vendor.url, **CHOOSING) as acme:
        answers = await asyncio.gather(*(lists(acme) for _ in range(5)))
        assert (values(answers[0], "people"), values(answers[0], "groups")) == (["ann", "bob"], ["crew"])
        assert len({id(one) for one in answers}) == 1
        assert len(vendor.calls) == 3
        assert (await lists(acme)).fetched_at == answers[0].fetched_at
        assert (await lists(acme, max_age=0)).fetched_at > answers[0].fetched_at
        assert len(vendor.calls) == 6


async def test_fresh_option_lists_are_not_fetched_again() -> None:
    def slow(call: Call) -> Reply:
        return replace(pages(call), after=0.2)

    patience = msgspec.structs.replace(QUICK, options_rest=0.5)
    async with running_vendor(slow) as vendor, asking(vendor.url, patience=patience, **CHOOSING) as acme:
        first = await lists(acme, max_age=0)
        assert all([await lists(acme, max_age=0) is first for _ in range(5)])
        assert len(vendor.calls) == 3
        await asyncio.sleep(0.4)  # more since they were requested, less since they arrived
        assert await lists(acme, max_age=0) is first
        await asyncio.sleep(0.2)
        assert (await lists(acme, max_age=0)).fetched_at > first.fetched_at
        assert len(vendor.calls) == 6


async def test_a_list_without_end_is_cut_off() -> None:
    async with running_vendor(Reply(body=b"ann>1")) as vendor, asking(vendor.url, **CHOOSING) as acme:
        assert len(values(await lists(acme), "people")) == 20


async def test_a_list_that_the_vendor_refuses_to_tell_is_left_out() -> None:
    def half(call: Call) -> Reply:
        return Reply(status=403) if call.target == "/groups" else Reply(body=b"ann")

    async with running_vendor(half) as vendor, asking(vendor.url, **CHOOSING) as acme:
        assert set((await lists(acme)).by_object["customer"]) == {"people"}


async def test_old_lists_are_for_those_who_have_named_no_age() -> None:
    async with running_vendor(pages) as vendor, asking(vendor.url, **CHOOSING) as acme:
        first = await lists(acme)
        vendor.always = Reply(status=503)
        assert await lists(acme) == first
        with pytest.raises(VendorUnavailable):
            await lists(acme, max_age=0)
        assert await lists(acme) == first


async def test_an_unreadable_list_is_reported() -> None:
    def broken(account: Account, object_name: ObjectName, replies: tuple[Pages, ...]) -> FieldOptions:
        raise Unmappable("$.people", "no people in it")

    choosing = CHOOSING | {"choices": Choices[Account](requests=lambda _: (PEOPLE,), following=following, read=broken)}
    async with running_vendor(Reply(body=b"x")) as vendor, asking(vendor.url, **choosing) as acme:
        with pytest.raises(Unmappable):
            await lists(acme)


async def test_a_vendor_without_lists_has_none() -> None:
    async with running_vendor(pages) as vendor, asking(vendor.url, mappings=(_Mapped(),)) as acme:
        assert (await lists(acme)).by_object == {}
        assert vendor.calls == []
