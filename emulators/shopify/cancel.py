"""`orderCancel`: answered at once with a job, which runs a little later."""

import logging
from typing import Any
from uuid import uuid4

from emulators.shopify import payments, records
from emulators.shopify.context import Context
from emulators.shopify.errors import Refused, user_error
from emulators.shopify.ids import gid, moment, read_moment
from emulators.shopify.money import NOTHING, Currencies, written
from emulators.shopify.order_totals import with_present
from emulators.shopify.shapes import listed

JsonRecord = dict[str, Any]

log = logging.getLogger(__name__)

JOB = "Job"
PENDING_JOB = "PendingJob"
# The delay of Shopify's queue: an order read right after the answer is not cancelled yet.
DELAY = 0.3
STORE_CREDIT = "shopify_store_credit"


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
        "id": gid(JOB, str(uuid4())),
        "order": order["id"],
        "due": context.now + DELAY,
        "args": args,
    }
    state.put(PENDING_JOB, job["id"], job, keys={"order": order["id"]})
    return {"job": {"id": job["id"], "done": False}, "orderCancelUserErrors": [], "userErrors": []}


def job(context: Context, job_id: str) -> JsonRecord | None:
    """`job(id:)`."""
    if context.state.get(PENDING_JOB, job_id) is not None:
        return {"id": job_id, "done": False, "query": {}}
    return {"id": job_id, "done": True, "query": {}} if context.state.get(JOB, job_id) else None


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
            context.state.put(JOB, waiting["id"], {"id": waiting["id"]})


def _flaw(context: Context, order: JsonRecord, args: JsonRecord) -> JsonRecord | None:
    if order.get("cancelledAt"):
        return user_error(["orderId"], "Order has already been cancelled", "INVALID")
    if context.state.lookup(PENDING_JOB, "order", order["id"]):
        return user_error(["orderId"], "Order cancellation is already in progress", "INVALID")
    if any(one.get("status") == "SUCCESS" for one in order.get("fulfillments") or ()):
        return user_error(["orderId"], "Cannot cancel an order with outstanding fulfillments", "INVALID")
    if len(args.get("staffNote") or "") > 255:
        return user_error(["staffNote"], "Staff note is too long (maximum is 255 characters)", "INVALID")
    if args.get("refund") is not None and args.get("refundMethod") is not None:
        return user_error(["refundMethod"], "Only one of refund and refundMethod can be given", "INVALID")
    return _credit_flaw(context, order, (args.get("refundMethod") or {}).get("storeCreditRefund"))


def _credit_flaw(context: Context, order: JsonRecord, credit: JsonRecord | None) -> JsonRecord | None:
    if credit is None:
        return None
    path = ["refundMethod", "storeCreditRefund"]
    if not order.get("customer"):
        return user_error(path, "Order has no customer", "STORE_CREDIT_REFUND_MISSING_CUSTOMER")
    expires = read_moment(credit["expiresAt"]) if credit.get("expiresAt") else None
    if expires is not None and expires.timestamp() < context.now:
        message = "Expiration date is in the past"
        return user_error([*path, "expiresAt"], message, "STORE_CREDIT_REFUND_EXPIRATION_IN_PAST")
    return None


def _carry_out(context: Context, waiting: JsonRecord) -> None:
    """Remove all units from the order, refund it if requested, and close it.

    Every cancelled order has a current total of zero, refunded or not. The `total…` sums keep what was sold.
    """
    order = records.load(context.state, records.ORDER, waiting["order"])
    if order is None or order.get("cancelledAt"):
        return
    args, now = waiting["args"], moment(context.now)
    method = args.get("refundMethod") or {}
    wanted = bool(args.get("refund")) or bool(method.get("originalPaymentMethodsRefund"))
    by_credit = method.get("storeCreditRefund") is not None
    money_back = []
    if wanted or by_credit:
        money_back = payments.give_back(context, order, STORE_CREDIT if by_credit else None)
    refund = payments.refund_of_all(context, order, money_back, restock=args["restock"], note=args.get("staffNote"))
    gone = {"currentQuantity": 0, "refundableQuantity": 0, "unfulfilledQuantity": 0, "restockable": False}
    cancelled = {
        **order,
        "cancelledAt": now,
        "cancelReason": args["reason"],
        "cancellation": {"staffNote": args.get("staffNote")},
        "closed": True,
        "closedAt": order.get("closedAt") or now,
        "updatedAt": now,
        "lineItems": {"nodes": [{**line, **gone} for line in listed(order["lineItems"])]},
        "shippingLines": {"nodes": [_given_up(order, line) for line in listed(order["shippingLines"])]},
        "transactions": [*order["transactions"], *money_back, *_voided(context, order)],
        "refunds": [*order["refunds"], refund],
        "totalRefundedShippingSet": order["totalShippingPriceSet"] if money_back else order["totalRefundedShippingSet"],
    }
    records.save(context.state, records.ORDER, with_present(cancelled), context.now)


def _voided(context: Context, order: JsonRecord) -> list[JsonRecord]:
    return payments.void(context, order) if order.get("capturable") else []


def _given_up(order: JsonRecord, line: JsonRecord) -> JsonRecord:
    currencies = Currencies(shop=order["currencyCode"], presentment=order["presentmentCurrencyCode"])
    return {**line, "currentDiscountedPriceSet": written(NOTHING, currencies)}
