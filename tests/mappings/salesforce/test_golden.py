"""What Salesforce's records mean, seen whole: `fixtures/*.in.json` as sent, `*.out.json` as understood."""

import json

import msgspec
import pytest

from mappings.salesforce.wire_v62 import Account

from .conftest import FIXTURES, MAPPINGS

CASES = sorted(path.name.removesuffix(".out.json") for path in FIXTURES.glob("*.out.json"))


@pytest.mark.parametrize("case", CASES)
def test_a_record_means_what_is_written_down(case: str) -> None:
    mapped = MAPPINGS[case.partition("-")[0]].read((FIXTURES / f"{case}.in.json").read_bytes(), Account())

    assert json.loads(msgspec.json.encode(mapped)) == json.loads((FIXTURES / f"{case}.out.json").read_text())
