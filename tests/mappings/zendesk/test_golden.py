"""What Zendesk's records mean, seen whole: `fixtures/*.in.json` as sent, `*.out.json` as understood."""

import json

import msgspec
import pytest

from mappings.zendesk.wire_v2 import Account

from .conftest import FIXTURES, MAPPINGS, understood

CASES = sorted(path.name.removesuffix(".in.json") for path in FIXTURES.glob("*.in.json"))


@pytest.mark.parametrize("case", CASES)
def test_a_record_means_what_is_written_down(case: str, account: Account) -> None:
    payload = (FIXTURES / f"{case}.in.json").read_bytes()

    mapped = understood(payload, MAPPINGS[case.partition("-")[0]], account)

    expected = json.loads((FIXTURES / f"{case}.out.json").read_text())
    assert json.loads(msgspec.json.encode(mapped)) == expected


def test_the_facts_beside_the_golden_records_are_these(account: Account) -> None:
    """`check-vendor` reads the records with `account.json`: the same facts, written down."""
    written = json.loads((FIXTURES / "account.json").read_text())

    assert written == json.loads(msgspec.json.encode(account))
