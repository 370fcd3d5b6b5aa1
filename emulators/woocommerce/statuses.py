"""Statuses of orders, and what the shop does when one changes: times, refunds."""

from emulators.state import JsonRecord
from emulators.woocommerce.errors import invalid
from emulators.woocommerce.shop import Shop

STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft")
TRASH = "trash"
PAID = ("processing", "completed")
ON_DELIVERY = "cod"


def known(word: object) -> str:
    """A status that may be set, with or without WordPress's own prefix. 400 for any other."""
    status = str(word).removeprefix("wc-")
    if status not in (*STATUSES, TRASH):
        raise invalid("status", f"status is not one of {', '.join(STATUSES)}, and {TRASH}.")
    return status


def entered(shop: Shop, order: JsonRecord, status: str) -> JsonRecord:
    """The order in a status. One of those that mean paid notes the time of payment, the first time that is; `completed`
    notes its own. Cash on delivery is paid once the order is completed (WC_Gateway_COD)."""
    changed = order | {"status": status}
    if status == order["status"]:
        return changed
    paid = ("completed",) if changed["payment_method"] == ON_DELIVERY else PAID
    if status in paid and changed["date_paid_gmt"] is None:
        changed |= shop.times("date_paid", shop.now)
    if status == "completed" and changed["date_completed_gmt"] is None:
        changed |= shop.times("date_completed", shop.now)
    return changed
