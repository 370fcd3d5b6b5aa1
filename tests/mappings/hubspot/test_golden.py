"""What HubSpot's records mean, seen whole: `fixtures/*.in.json` as sent, `*.out.json` as understood by revision 1, and
`*.rN.out.json` by a later one."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mappings.hubspot import VENDOR
from mappings.hubspot.wire_v3 import Account
from mappings.registry import mapping_of

FIXTURES = Path(__file__).parent / "fixtures"
CASES = sorted(path.name.removesuffix(".out.json") for path in FIXTURES.glob("*.out.json"))


@pytest.mark.parametrize("case", CASES)
def test_a_record_means_what_is_written_down(case: str, account: Account) -> None:
    name, _, revision = case.partition(".r")
    wanted: Any = name.partition("-")[0]
    mapping = mapping_of(VENDOR, wanted, int(revision or 1))
    assert mapping is not None

    mapped = mapping.read((FIXTURES / f"{name}.in.json").read_bytes(), account)

    expected = json.loads((FIXTURES / f"{case}.out.json").read_text())
    assert json.loads(msgspec.json.encode(mapped)) == expected


def test_the_facts_beside_the_golden_records_are_these(account: Account) -> None:
    """`check-vendor` reads the records with `account.json`: the same facts, written down."""
    written = json.loads((FIXTURES / "account.json").read_text())

    assert written == json.loads(msgspec.json.encode(account))
