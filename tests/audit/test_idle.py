"""A sealer that has nothing to seal."""

from contextlib import AbstractAsyncContextManager

import pytest

from app.audit.chain import NOTHING_NEW
from app.postgres.database import Transaction
from tests.audit.audit_chain import Chain
from tests.plans import plan_of


async def test_nothing_to_seal_opens_no_transaction(sealed: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> AbstractAsyncContextManager[Transaction]:
        raise AssertionError("a transaction was opened")

    with monkeypatch.context() as patched:
        patched.setattr(sealed.database, "transaction", refuse)
        assert await sealed.sealer.seal() == 0

    await sealed.write(2)
    assert await sealed.seal_everything() == 2


def test_new_events_are_looked_for_in_the_index(module_database_url: str) -> None:
    plan = plan_of(module_database_url, NOTHING_NEW)
    assert "Index Only Scan using audit_event_order" in plan
    assert "Index Cond: (ROW(xid, id) > ROW(sealer.sealed_xid, sealer.sealed_id))" in plan
