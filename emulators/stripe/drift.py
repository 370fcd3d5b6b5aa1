"""Changes that Stripe might make to its answers overnight: an unknown status, an amount as text, a member added or
removed."""

from emulators.drift import Drift

NEW_STATUS = "awaiting_review"

bent = Drift(
    mark="id",
    enums={"status": NEW_STATUS, "payment_status": NEW_STATUS, "tax_exempt": "partly"},
    types={"created": str, "amount_paid": lambda _: "10.00", "livemode": lambda _: "false"},
    field={"risk_assessment": {"level": "normal", "score": 12}},
    gone=("livemode",),
).bent
