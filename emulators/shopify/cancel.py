"""`orderCancel`: answered at once with a job, which runs a little later."""

import logging
from typing import Any
from uuid import uuid4

from emulators.shopify import payments, records
from emulators.shopify.context import Context
from emulators.shopify.errors import Refused, user_error
from emulators.shopify.ids import gid, moment
from emulators.shopify.order_totals import with_payments
from emulators.shopify.shapes import listed

JsonRecord = dict[str, Any]

log = logging.getLogger(__name__)

PENDING_JOB = "PendingJob"
# The delay of Shopify's queue: an order read right after the answer is not cancelled yet.
DELAY = 0.3


def cancel(context: Context, args: JsonRecord) -> JsonRecord:
    """Check the call and queue the job. A second call for the same order is refused, before and after the job."""
    state = context.state
    order = records.load(state, records.ORDER, args["orderId"])
    if order is None:
        raise Refused(user_error(["orderId"], "Order does not exist", "NOT_FOUND"))
    flaw = _flaw(context, order, args)
    if flaw is not None:
        raise Refused(flaw)

    job = {
        "id": gid("Job", str(uuid4())),
        "order": order["id"],
        "due": context.now + DELAY,
        "args": args,
    }
    state.put(PENDING_JOB, job["id"], job, keys={"order": order["id"]})
    return {"job": {"id": job["id"], "done": False}, "orderCancelUserErrors": []}


def run_due(context: Context) -> None:
    """Run the jobs that are due: before every answer, and periodically between calls."""
    for waiting in context.state.all(PENDING_JOB):
        if waiting["due"] > context.now:
            continue
        with context.state.transaction():
            try:
                _carry_out(Context(state=context.state, now=waiting["due"]), waiting)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
                # An invalid placed order. At Shopify such a job also ends without an effect.
                log.exception("The order could not be cancelled")
            context.state.delete(PENDING_JOB, waiting["id"])


def _flaw(context: Context, order: JsonRecord, args: JsonRecord) -> JsonRecord | None:
    if order.get("cancelledAt"):
        return user_error(["orderId"], "Order has already been cancelled", "INVALID")
    if context.state.lookup(PENDING_JOB, "order", order["id"]):
        return user_error(["orderId"], "Order cancellation is already in progress", "INVALID")
    if any(one.get("status") == "SUCCESS" for one in order.get("fulfillments") or ()):
        return user_error(["orderId"], "Cannot cancel an order with outstanding fulfillments", "INVALID")
    if len(args.get("staffNote") or "") > 255:
        return user_error(["staffNote"], "Staff note is too long (maximum is 255 characters)", "INVALID")
    return None


def _carry_out(context: Context, waiting: JsonRecord) -> None:
    """Remove all units from the order, refund it if requested, and close it.

    Every cancelled order is worth nothing, refunded or not. The `total…` sums keep what was sold.
    """
    order = records.load(context.state, records.ORDER, waiting["order"])
    if order is None or order.get("cancelledAt"):
        return
    args, now = waiting["args"], moment(context.now)
    wanted = (args.get("refundMethod") or {}).get("originalPaymentMethodsRefund")
    money_back = payments.give_back(context, order) if wanted else []
    refund = payments.refund_of_all(context, order, money_back, args.get("staffNote"))
    gone = {"currentQuantity": 0, "unfulfilledQuantity": 0}
    cancelled = {
        **order,
        "cancelledAt": now,
        "cancelReason": args["reason"],
        "closedAt": order.get("closedAt") or now,
        "updatedAt": now,
        "lineItems": {"nodes": [{**line, **gone} for line in listed(order["lineItems"])]},
        "transactions": [*order["transactions"], *money_back, *payments.void(context, order)],
        "refunds": [*order["refunds"], refund],
    }
    records.save(context.state, records.ORDER, with_payments(cancelled), context.now)
