"""Connections to subscribers are kept, and none carries a post to what was not cleared for that post."""

import asyncio
from collections.abc import Sequence

import pytest

from app.egress.kept_connections import MOST_POOLS, POOL_SECONDS
from app.egress.poster import TargetPoster
from app.egress.targets import NoAnswer, NotPosted
from tests.egress.targets import PUBLIC, posting
from tests.vendors.vendor_server import Break, Reply, VendorServer, running_vendor

HOST = "hooks.example.com"


async def post(poster: TargetPoster, target: VendorServer, host: str = HOST) -> int:
    """The status of one post to a name with the target's port."""
    return (await poster.post(f"http://{host}:{target.port}/hook", headers={}, body=b"{}")).status


def clients(target: VendorServer) -> list[int]:
    """The connection of each call."""
    return [call.client for call in target.calls]


async def test_posts_to_one_target_share_a_connection() -> None:
    async with running_vendor() as target:
        allowed = f"127.0.0.1/32:{target.port}"
        async with posting(allowed, names={HOST: [["127.0.0.1"]]}) as poster:
            for _ in range(3):
                assert await post(poster, target) == 200
    assert len(target.calls) == 3
    assert len(set(clients(target))) == 1


async def test_a_name_with_a_new_address_leaves_the_old_connection() -> None:
    """DNS rebinding between two posts, from one allowed address to another and back."""
    async with (
        running_vendor() as before,
        running_vendor(host="127.0.0.2", port=before.port) as after,
        posting(
            f"127.0.0.0/8:{before.port}", names={HOST: [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"], ["127.0.0.1"]]}
        ) as poster,
    ):
        for _ in range(4):
            assert await post(poster, before) == 200
        assert (len(before.calls), len(after.calls)) == (2, 2)


@pytest.mark.parametrize("then", [["10.0.0.7"], ["127.0.0.1", "10.0.0.7"], [PUBLIC], ["127.0.0.1", "::1"], []])
async def test_a_kept_connection_carries_nothing_to_a_name_that_is_refused_now(then: Sequence[str]) -> None:
    async with (
        running_vendor() as target,
        posting(f"127.0.0.1/32:{target.port}", names={HOST: [["127.0.0.1"], then, ["127.0.0.1"]]}) as poster,
    ):
        assert await post(poster, target) == 200
        with pytest.raises(NotPosted):
            await post(poster, target)
        assert len(target.calls) == 1
        assert await post(poster, target) == 200
        assert len(target.calls) == 2


async def test_two_names_of_one_address_share_no_connection() -> None:
    names = {HOST: [["127.0.0.1"]], "other.example.com": [["127.0.0.1"]]}
    async with running_vendor() as target, posting(f"127.0.0.1/32:{target.port}", names=names) as poster:
        for host in names:
            await post(poster, target, host)
    assert len(set(clients(target))) == 2


async def test_a_connection_is_not_used_for_longer_than_its_pool() -> None:
    async with (
        running_vendor() as target,
        posting(f"127.0.0.1/32:{target.port}", names={HOST: [["127.0.0.1"]]}) as poster,
    ):
        for _ in range(12):
            await post(poster, target)
            await asyncio.sleep(POOL_SECONDS / 6)
    first, second = dict.fromkeys(clients(target))
    assert clients(target) == [first] * 6 + [second] * 6


async def test_pools_of_many_targets_make_room_for_new_ones() -> None:
    names = {f"hook-{number}.example.com": [["127.0.0.1"]] for number in range(MOST_POOLS + 1)}
    first = next(iter(names))
    async with running_vendor() as target, posting(f"127.0.0.1/32:{target.port}", names=names) as poster:
        for host in (first, *names, first):
            await post(poster, target, host)
    assert clients(target)[0] == clients(target)[1]
    assert clients(target)[0] != clients(target)[-1]


@pytest.mark.parametrize("breaks", ["drop", "reset"])
async def test_a_post_is_sent_again_when_a_kept_connection_turns_out_closed(breaks: Break) -> None:
    async with (
        running_vendor() as target,
        posting(f"127.0.0.1/32:{target.port}", names={HOST: [["127.0.0.1"]]}) as poster,
    ):
        target.then(Reply(), breaks, Reply(status=202))
        assert await post(poster, target) == 200
        assert await post(poster, target) == 202
    first, broken, again = clients(target)
    assert first == broken != again


@pytest.mark.parametrize("breaks", ["drop", "reset"])
async def test_a_post_over_a_new_connection_is_sent_once(breaks: Break) -> None:
    async with (
        running_vendor() as target,
        posting(f"127.0.0.1/32:{target.port}", names={HOST: [["127.0.0.1"]]}) as poster,
    ):
        target.then(breaks)
        with pytest.raises(NoAnswer, match="broke the connection"):
            await post(poster, target)
        assert len(target.calls) == 1
        target.then(Reply(), breaks, breaks)
        assert await post(poster, target) == 200
        with pytest.raises(NoAnswer, match="broke the connection"):
            await post(poster, target)
    assert len(target.calls) == 4


@pytest.mark.parametrize("how", ["endless", "half", "drip_body"])
async def test_a_connection_with_an_unread_answer_is_not_used_again(how: Break) -> None:
    async with (
        running_vendor() as target,
        posting(f"127.0.0.1/32:{target.port}", names={HOST: [["127.0.0.1"]]}) as poster,
    ):
        target.then(how)
        assert await post(poster, target) == 200
        assert await post(poster, target) == 200
    assert len(set(clients(target))) == 2
