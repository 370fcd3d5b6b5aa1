"""What HubSpot's records mean, seen whole: `fixtures/*.in.json` as sent, `*.out.json` as understood."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mappings.hubspot import VENDOR
from mappings.hubspot.wire_v3 import Account

FIXTURES = Path(__file__).parent / "fixtures"
CASES = sorted(path.name.removesuffix(".in.json") for path in FIXTURES.glob("*.in.json"))
BY_OBJECT = {mapping.object: mapping for mapping in VENDOR.mappings}


@pytest.mark.parametrize("case", CASES)
def test_a_record_means_what_is_written_down(case: str, account: Account) -> None:
    mapping: Any = BY_OBJECT[case.partition("-")[0]]  # type: ignore[index]

    mapped = mapping.read((FIXTURES / f"{case}.in.json").read_bytes(), account)

    expected = json.loads((FIXTURES / f"{case}.out.json").read_text())
    assert json.loads(msgspec.json.encode(mapped)) == expected
