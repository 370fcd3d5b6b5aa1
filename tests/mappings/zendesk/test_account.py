"""The facts about the account of the golden records."""

import msgspec

from mappings.zendesk.wire_v2 import Account

from .conftest import FIXTURES


def test_the_facts_of_the_golden_records_are_what_the_answers_build(account: Account) -> None:
    written = msgspec.json.decode((FIXTURES / "account.json").read_bytes())

    assert written == msgspec.json.decode(msgspec.json.encode(account))
