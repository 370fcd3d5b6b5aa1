"""Enum tables of invoices, checkouts and payments, revision 1."""

from typing import Final

from canonical.order import OrderStatus, PaymentMethod, PaymentState, PaymentStatus

INVOICE_STATUS: Final[dict[str | None, OrderStatus]] = {
    "draft": "draft",
    "open": "open",
    "paid": "completed",
    "void": "cancelled",
    # A bad debt.
    "uncollectible": "failed",
}
INVOICE_PAYMENT: Final[dict[str | None, PaymentStatus]] = {
    "draft": "unpaid",
    "open": "unpaid",
    "paid": "paid",
    "void": "voided",
    "uncollectible": "unpaid",
}
INVOICE_OF_STATUS: Final[dict[str, str]] = {status: word for word, status in INVOICE_STATUS.items() if word is not None}
"""Stripe's value for the filter by a canonical status."""

SESSION_STATUS: Final[dict[str | None, OrderStatus]] = {
    "open": "open",
    "complete": "completed",
    # Not bought in time, or ended.
    "expired": "cancelled",
}
SESSION_OF_STATUS: Final[dict[str, str]] = {status: word for word, status in SESSION_STATUS.items() if word is not None}
SESSION_PAYMENT: Final[dict[tuple[str, str | None], PaymentStatus]] = {
    ("paid", "complete"): "paid",
    ("paid", "open"): "paid",
    ("paid", "expired"): "paid",
    ("paid", None): "paid",
    ("no_payment_required", "complete"): "paid",
    ("no_payment_required", "open"): "unpaid",
    ("no_payment_required", "expired"): "expired",
    ("no_payment_required", None): "paid",
    # Bought, but the payment is still pending, such as a debit.
    ("unpaid", "complete"): "pending",
    ("unpaid", "open"): "unpaid",
    ("unpaid", "expired"): "expired",
    ("unpaid", None): "unpaid",
}
"""By payment status and status of a checkout. Objects from before 2021 have no status."""

PAYMENT_STATE: Final[dict[str, PaymentState]] = {
    # of an invoice's payment
    "open": "pending",
    "paid": "succeeded",
    "canceled": "failed",
    # of a charge
    "succeeded": "succeeded",
    "pending": "pending",
    "failed": "failed",
}
METHOD: Final[dict[str | None, PaymentMethod]] = {
    "card": "card",
    "card_present": "card",
    "interac_present": "card",
    "acss_debit": "bank_transfer",
    "au_becs_debit": "bank_transfer",
    "bacs_debit": "bank_transfer",
    "bancontact": "bank_transfer",
    "blik": "bank_transfer",
    "customer_balance": "bank_transfer",
    "eps": "bank_transfer",
    "fpx": "bank_transfer",
    "giropay": "bank_transfer",
    "ideal": "bank_transfer",
    "multibanco": "bank_transfer",
    "p24": "bank_transfer",
    "pay_by_bank": "bank_transfer",
    "paynow": "bank_transfer",
    "pix": "bank_transfer",
    "promptpay": "bank_transfer",
    "sepa_debit": "bank_transfer",
    "sofort": "bank_transfer",
    "twint": "wallet",
    "us_bank_account": "bank_transfer",
    "alipay": "wallet",
    "amazon_pay": "wallet",
    "cashapp": "wallet",
    "grabpay": "wallet",
    "kakao_pay": "wallet",
    "link": "wallet",
    "mobilepay": "wallet",
    "paypal": "wallet",
    "revolut_pay": "wallet",
    "swish": "wallet",
    "wechat_pay": "wallet",
    "affirm": "bnpl",
    "afterpay_clearpay": "bnpl",
    "klarna": "bnpl",
    "zip": "bnpl",
    "boleto": "cash",
    "konbini": "cash",
    "oxxo": "cash",
}
"""Payment methods, https://docs.stripe.com/api/payment_methods/object; others read as `unknown`."""
