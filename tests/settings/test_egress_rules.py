"""How an operator spells where Lockstitch may send although it is not public."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from app.egress.rules import EgressRules
from app.settings.egress import parse_egress_rules
from app.settings.environment import load_settings
from app.settings.reading import SettingsError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without a lockstitch.toml of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("127.0.0.1/32:5678", "127.0.0.1/32:5678"),
        ("127.0.0.1:5678", "127.0.0.1/32:5678"),
        ("10.0.0.0/8:443", "10.0.0.0/8:443"),
        (" [fd00::/8]:443 ", "[fd00::/8]:443"),
        ("[::1]:1", "[::1/128]:1"),
        ("93.184.215.14:65535", "93.184.215.14/32:65535"),
    ],
)
def test_an_entry_is_a_range_and_a_port(entry: str, message: str) -> None:
    (rule,) = parse_egress_rules([entry])
    assert str(rule) == message
    assert parse_egress_rules([str(rule)]) == (rule,)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("127.0.0.1/32", "such as 127.0.0.1/32:5678"),
        ("127.0.0.1/32:*", "such as"),
        ("127.0.0.1/32:0", "such as"),
        ("127.0.0.1/32:65536", "such as"),
        ("fd00::/8:443", "such as"),
        ("http://127.0.0.1:5678", "such as"),
        ("n8n:5678", "not its name"),
        ("127.1/32:5678", "not an address range"),
        ("10.0.0.1/33:80", "not an address range"),
        ("[127.0.0.1]:80", "in brackets"),
        ("10.0.0.5/8:80", r"mean 10\.0\.0\.0/8"),
        ("0.0.0.0/0:443", "would disable the egress guard"),
        ("[::/0]:443", "would disable the egress guard"),
    ],
)
def test_a_mistake_is_reported_for_both_sources(tmp_path: Path, entry: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=f"LOCKSTITCH_EGRESS_ALLOW has .*{complaint}"):
        load_settings({"LOCKSTITCH_EGRESS_ALLOW": f"127.0.0.1/32:1,{entry}"})
    file = tmp_path / "lockstitch.toml"
    file.write_text(f"[egress]\nallow = ['{entry}']")
    with pytest.raises(SettingsError, match=rf"\[egress\] allow has .*{complaint}"):
        load_settings({})


def test_nothing_is_allowed_until_somebody_says_so(tmp_path: Path) -> None:
    assert load_settings({}).egress_allow == ()
    assert load_settings({"LOCKSTITCH_DEV": "1"}).egress_allow == ()
    (tmp_path / "lockstitch.toml").write_text("[egress]\nallow = ['10.0.0.0/8:443', '[fd00::/8]:443']")
    assert [str(rule) for rule in load_settings({}).egress_allow] == ["10.0.0.0/8:443", "[fd00::/8]:443"]
    replaced = load_settings({"LOCKSTITCH_EGRESS_ALLOW": "127.0.0.1/32:5678, 127.0.0.1/32:5679,"})
    assert [str(rule) for rule in replaced.egress_allow] == ["127.0.0.1/32:5678", "127.0.0.1/32:5679"]


def test_a_rule_opens_its_range_at_its_port() -> None:
    rules = EgressRules(parse_egress_rules(["10.1.0.0/16:80", "[fd00::/8]:443"]))
    for scheme in ("http", "https"):
        assert rules.refusal(scheme, ip_address("10.1.255.255"), 80) is None
        assert rules.refusal(scheme, ip_address("fdff::1"), 443) is None
        assert rules.refusal(scheme, ip_address("10.2.0.0"), 80) is not None
        assert rules.refusal(scheme, ip_address("10.1.0.1"), 443) is not None
        assert rules.refusal(scheme, ip_address("::ffff:10.1.0.1"), 80) is not None
        assert rules.refusal(scheme, ip_address("fe80::1"), 443) is not None
