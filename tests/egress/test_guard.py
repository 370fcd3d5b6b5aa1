"""What the egress guard refuses: every spelling of an address that is not public, and names that change their mind."""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.egress.guard import ClearedTarget
from app.egress.rules import EgressRules, is_public
from app.egress.targets import NotPosted, TargetRefused, TargetUnreachable, parse_target
from tests.egress.targets import PUBLIC, posting
from tests.vendors.vendor_server import running_vendor

NOT_PUBLIC = [
    # loopback, in the spellings that inet_aton, browsers and libraries take for it
    "https://127.0.0.1/", "https://127.0.0.1:443/", "https://127.0.0.1./", "https://127.1/", "https://127.0.1/",
    "https://127.255.255.254/", "https://2130706433/", "https://2130706433./", "https://0x7f000001/",
    "https://0X7F.0.0.1/", "https://0x7f.1/", "https://017700000001/", "https://0177.0.0.1/", "https://127.0.0.01/",
    "https://127.0.0.0x1/", "https://0/", "https://0.0.0.0/", "https://0x0/", "https://127.0.0.1.0/",
    "https://4294967296/", "https://256.0.0.1/", "https://1e3.0x1/", "https://127.0.0.1%00.example.com/",
    # the same behind other characters
    "https://127%2e0%2e0%2e1/", "https://%31%32%37.0.0.1/", "https://127。0。0。1/", "https://①②⑦.⓪.⓪.①/",
    "https://\uff11\uff12\uff17.0.0.1/", "https://ⓛocalhost/", "https://lOcAlHoSt/", "HTTPS://LOCALHOST./",
    "https://localhost%2f.example.com/", "https://127.0.0.1\u00ad/", "https://127.0.0.1\t/", " https://127.0.0.1/",
    "https://127.0.0.1\n/", "https:///127.0.0.1/", "https:/127.0.0.1/", "https:127.0.0.1", "//127.0.0.1/",
    r"https:\\127.0.0.1\ ".strip(), "https://127.0.0.1\\@example.com/", "https://[127.0.0.1]/",
    # a user name that looks like the host, and hosts that look like one
    "https://example.com@127.0.0.1/", "https://example.com:443@127.0.0.1/", "https://@127.0.0.1/",
    "https://127.0.0.1:80@example.com/", "https://example.com#@127.0.0.1/", "https://example.com?@127.0.0.1:x@/#",
    "https://example.com:443:80/", "https://example.com:0443/", "https://example.com:+443/", "https://example.com:0/",
    "https://example.com:65536/", "https://example.com:\uff1443/",
    # IPv6, and IPv4 inside IPv6
    "https://[::1]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/", "https://[0:0:0:0:0:FFFF:127.0.0.1]/", "https://[::127.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/", "https://[64:ff9b::127.0.0.1]/", "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/", "https://[2001:0:7f00:1::]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/", "https://[::1%25lo]/", "https://[fd00::1]/", "https://[fc00::1]/", "https://[fec0::1]/",
    "https://[fd00:ec2::254]/", "https://[ff02::1]/", "https://[5f00::1]/", "https://[100::1]/",
    "https://[2001:db8::1]/", "https://[3fff::1]/", "https://[2001:2::1]/", "https://[2001:20::1]/", "https://[v1.x]/",
    "https://[::1/", "https://::1/", "https://[::1]x/", "https://[[::1]]/",
    # networks that are not the internet
    "https://10.0.0.1/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.0.1/",
    "https://100.64.0.1/", "https://100.100.100.200/", "https://169.254.169.254/", "https://168.63.129.16/",
    "https://192.0.0.192/", "https://192.0.2.1/", "https://198.51.100.1/", "https://203.0.113.1/",
    "https://198.18.0.1/", "https://192.88.99.1/", "https://224.0.0.1/", "https://240.0.0.1/",
    "https://255.255.255.255/", "https://0xa9fea9fe/", "https://2852039166/", "https://0251.0376.0251.0376/",
    # no http at all
    "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:6379/_x", "unix:///var/run/docker.sock", "data:,x",
    "javascript:0", "", "https://", "https://?", "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
]  # fmt: skip


@pytest.mark.parametrize("url", NOT_PUBLIC)
async def test_no_spelling_leads_to_where_it_must_not(url: str) -> None:
    names = {"localhost": [["127.0.0.1", "::1"]], "example.com": [[PUBLIC]]}
    async with posting(names=names) as poster:
        with pytest.raises(TargetRefused):
            await poster.check(url)
        with pytest.raises(TargetRefused):
            await poster.post(url, headers={}, body=b"{}")


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["10.0.0.1", PUBLIC], ["::1"], [PUBLIC, "::ffff:10.0.0.1"],
        ["169.254.169.254"], ["fe80::1%eth0"], [PUBLIC, "fd00:ec2::254"], ["0.0.0.0"], ["64:ff9b::a9fe:a9fe"],  # noqa: S104
        ["no address"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["hooks.example.com", "metadata.google.internal", "xn--nxasmq6b.example"])
async def test_a_name_is_refused_for_any_of_its_addresses(name: str, addresses: Sequence[str]) -> None:
    async with posting(names={name: [addresses]}) as poster:
        for spelled in (name, name.upper(), f"{name}."):
            with pytest.raises(TargetRefused):
                await poster.check(f"https://{spelled}/hook")


async def test_a_name_that_is_not_found_is_no_target() -> None:
    async with posting(names={}) as poster:
        with pytest.raises(TargetUnreachable, match="not found"):
            await poster.check("https://nowhere.example.com/")


async def test_public_targets_pass_by_https_on_usual_ports() -> None:
    names = {"hooks.example.com": [[PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]]}
    async with posting(names=names) as poster:
        for port in ("", ":443", ":5678", ":8443"):
            await poster.check(f"https://hooks.example.com{port}/hook?token=a%20b&x=[]".replace("[]", "%5B%5D"))
        await poster.check(f"https://{PUBLIC}/")
        await poster.check("https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/")
        for refused in (
            "http://hooks.example.com/",
            "https://hooks.example.com:25/",
            "https://hooks.example.com:6379/",
        ):
            with pytest.raises(TargetRefused):
                await poster.check(refused)


async def test_only_allowed_addresses_pass() -> None:
    async with running_vendor() as subscriber, running_vendor() as other:
        async with posting(f"127.0.0.1/32:{subscriber.port}") as poster:
            reply = await poster.post(f"{subscriber.url}/hook", headers={}, body=b"{}")
            assert reply.status == 200
            for refused_url in (
                other.url,
                f"http://127.0.0.2:{subscriber.port}/",
                f"http://[::1]:{subscriber.port}/",
                f"http://[::ffff:127.0.0.1]:{subscriber.port}/",
                f"http://0.0.0.0:{subscriber.port}/",
                f"http://2130706433:{subscriber.port}/",
            ):
                with pytest.raises(TargetRefused):
                    await poster.post(refused_url, headers={}, body=b"{}")
        assert (subscriber.targets(), other.targets()) == (["POST /hook"], [])


@pytest.mark.parametrize("then", [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["::1"], []])
async def test_a_name_is_resolved_and_checked_at_every_attempt(then: list[str]) -> None:
    """Public when it was checked, ours when it is called: DNS rebinding."""
    async with running_vendor() as ours:
        async with posting(names={"rebinding.example.com": [[PUBLIC], then]}) as poster:
            await poster.check("https://rebinding.example.com:8443/")
            with pytest.raises(NotPosted):
                await poster.post("https://rebinding.example.com:8443/", headers={}, body=b"{}")
        assert ours.calls == []


async def test_only_the_checked_address_is_dialled() -> None:
    """The system says 127.0.0.1 to this name, the guard's resolver 127.0.0.2: the name is resolved once."""
    async with running_vendor() as ours:
        async with posting(f"127.0.0.2/32:{ours.port}", names={"localhost": [["127.0.0.2"]]}) as poster:
            with pytest.raises(TargetUnreachable):
                await poster.post(f"http://localhost:{ours.port}/", headers={}, body=b"{}")
        assert ours.calls == []


@pytest.mark.parametrize("address", [("127.0.0.1", 443), (PUBLIC, 80), ("::ffff:5db8:d70e", 443, 0, 0)])
def test_no_socket_is_opened_to_what_was_not_cleared(address: tuple[object, ...]) -> None:
    clearance = ClearedTarget(target=parse_target("https://hooks.example.com/"), addresses=(ip_address(PUBLIC),))
    with pytest.raises(PermissionError):
        clearance.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", address))


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_public_is_never_what_the_standard_library_calls_private(address: IPv4Address | IPv6Address) -> None:
    inside = isinstance(address, IPv6Address) and (address.ipv4_mapped or address.sixtofour or address.teredo)
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast
        assert not inside


@given(st.text(max_size=60), st.sampled_from(["https://", "http://", "HTTPS://[", "https://127.0.0.1"]))
def test_no_text_makes_the_reading_of_a_url_raise_anything_else(text: str, start: str) -> None:
    for url in (text, start + text):
        try:
            target = parse_target(url)
        except TargetRefused:
            continue
        assert url.isascii()
        assert target.host == target.host.lower()
        assert 1 <= target.port <= 65535
        assert target.literal is None or str(target.literal) == target.host


def test_rules_are_about_addresses_at_one_port() -> None:
    rules = EgressRules()
    assert rules.refusal("https", IPv4Address(PUBLIC), 443) is None
    assert rules.refusal("http", IPv4Address(PUBLIC), 443) == "is not https"
    assert rules.refusal("https", IPv4Address("10.0.0.1"), 443) == "has an address that is not public"
