"""Received webhooks for operators."""

from dataclasses import dataclass

from app.http.paging import Page, page_of
from app.webhooks.models import ReceiptFilter
from app.webhooks.store.receipts import PostgresReceipts


@dataclass(frozen=True, kw_only=True)
class ReceiptDeps:
    """The store of receipts."""

    receipts: PostgresReceipts


async def list_receipts(deps: ReceiptDeps, which: ReceiptFilter, *, after: str | None, limit: int) -> Page:
    """List received webhooks, newest first. The cursor is the last id of the page."""
    return page_of(await deps.receipts.newest(which, after=after, limit=limit + 1), limit)
