"""The nearest enum values, in order of preference, for a vendor that does not have a value.

A value without an entry has no near one: to store another would change what the record means. That holds for spam and
deleted tickets, for cancelled, failed, draft and held orders, and for money that was returned. A consent never gets
nearer to `opted_in`.
"""

from collections.abc import Mapping
from typing import Final

from canonical.customer import ConsentState, LifecycleStage, PhoneType, TaxExemption
from canonical.order import DiscountType, FulfillmentStatus, OrderStatus, PaymentStatus
from canonical.ticket import TicketChannel, TicketPriority, TicketStatus, TicketType

LIFECYCLE: Final[Mapping[LifecycleStage, tuple[LifecycleStage, ...]]] = {
    "subscriber": ("lead",),
    "lead": ("subscriber", "marketing_qualified"),
    "marketing_qualified": ("lead", "subscriber"),
    "sales_qualified": ("marketing_qualified", "lead"),
    "opportunity": ("sales_qualified", "lead"),
    "evangelist": ("customer",),
}
PHONE: Final[Mapping[PhoneType, tuple[PhoneType, ...]]] = {
    "work": ("unknown", "other", "home"),
    "home": ("unknown", "other", "work"),
    "other": ("unknown", "work", "home"),
    "unknown": ("work", "other"),
    "mobile": ("unknown", "other", "home", "work"),
}
"""A fax number has no near type, because no one answers it."""
TAX_EXEMPTION: Final[Mapping[TaxExemption, tuple[TaxExemption, ...]]] = {"reverse_charge": ("exempt",)}
CONSENT: Final[Mapping[ConsentState, tuple[ConsentState, ...]]] = {"never": ("opted_out",)}
ORDER_STATUS: Final[Mapping[OrderStatus, tuple[OrderStatus, ...]]] = {
    "completed": ("archived", "open"),
    "archived": ("completed", "open"),
}
PAYMENT_STATUS: Final[Mapping[PaymentStatus, tuple[PaymentStatus, ...]]] = {
    "unpaid": ("pending",),
    "pending": ("unpaid",),
    "authorized": ("pending", "unpaid"),
    "partially_paid": ("pending", "unpaid"),
    "partially_refunded": ("paid",),
    "voided": ("unpaid", "pending"),
    "failed": ("unpaid", "pending"),
    "expired": ("unpaid", "pending"),
}
FULFILLMENT_STATUS: Final[Mapping[FulfillmentStatus, tuple[FulfillmentStatus, ...]]] = {
    "scheduled": ("unfulfilled",),
    "on_hold": ("unfulfilled",),
    "in_progress": ("unfulfilled",),
    "partially_fulfilled": ("in_progress", "unfulfilled"),
    "shipped": ("fulfilled",),
    "delivered": ("fulfilled",),
    "returned": ("fulfilled",),
    "partially_returned": ("fulfilled",),
    "not_required": ("fulfilled", "unfulfilled"),
    "cancelled": ("unfulfilled",),
}
DISCOUNT: Final[Mapping[DiscountType, tuple[DiscountType, ...]]] = {
    "percentage": ("fixed",),
    "other": ("fixed",),
    "unknown": ("fixed",),
}
"""The amount of a discount is known, so any kind can be written as a fixed one."""
TICKET_STATUS: Final[Mapping[TicketStatus, tuple[TicketStatus, ...]]] = {
    "new": ("open",),
    "open": ("new",),
    "waiting_on_customer": ("on_hold", "waiting_on_third_party", "open"),
    "waiting_on_third_party": ("on_hold", "waiting_on_customer", "open"),
    "on_hold": ("waiting_on_third_party", "waiting_on_customer", "open"),
    "resolved": ("closed",),
    "closed": ("resolved",),
}
PRIORITY: Final[Mapping[TicketPriority, tuple[TicketPriority, ...]]] = {
    "none": ("low", "normal"),
    "low": ("normal",),
    "normal": ("low", "high"),
    "high": ("urgent", "normal"),
    "urgent": ("high", "normal"),
}
TICKET_TYPE: Final[Mapping[TicketType, tuple[TicketType, ...]]] = {
    "question": ("other",),
    "incident": ("problem", "bug", "other", "question"),
    "problem": ("incident", "bug", "other", "question"),
    "task": ("other", "question"),
    "bug": ("problem", "incident", "other", "question"),
    "feature_request": ("other", "question", "task"),
    "other": ("question",),
}
CHANNEL: Final[Mapping[TicketChannel, tuple[TicketChannel, ...]]] = {
    "email": ("other",),
    "chat": ("in_app", "social", "other", "web_form"),
    "phone": ("other",),
    "web_form": ("in_app", "other"),
    "api": ("other", "web_form"),
    "social": ("chat", "other", "web_form"),
    "sms": ("phone", "other"),
    "in_app": ("chat", "web_form", "other"),
    "other": ("web_form", "email"),
}
