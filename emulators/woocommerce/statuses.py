"""Statuses of orders, and the effects of a change: times, refunds."""

from emulators.state import JsonRecord
from emulators.woocommerce.errors import invalid
from emulators.woocommerce.shop import Shop

STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft")
TRASH = "trash"
PAID = ("processing", "completed")
ON_DELIVERY = "cod"


def known(word: object) -> str:
    """Return a valid status, with or without WordPress's own prefix. 400 for any other."""
    status = str(word).removeprefix("wc-")
    if status not in (*STATUSES, TRASH):
        raise invalid("status", f"status is not one of {', '.join(STATUSES)}, and {TRASH}.")
    return status


def entered(shop: Shop, order: JsonRecord, status: str) -> JsonRecord:
    """Return the order in a status. The first status that means paid sets the time of payment; `completed` sets its own
    time. Cash on delivery is paid when the order is completed (WC_Gateway_COD)."""
    changed = order | {"status": status}
    if status == order["status"]:
        return changed
    paid = ("completed",) if changed["payment_method"] == ON_DELIVERY else PAID
    if status in paid and changed["date_paid_gmt"] is None:
        changed |= shop.times("date_paid", shop.now)
    if status == "completed" and changed["date_completed_gmt"] is None:
        changed |= shop.times("date_completed", shop.now)
    return changed
