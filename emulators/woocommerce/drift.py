"""Unannounced changes by a plugin: its own status, a sum as an object, a member added or removed."""

from emulators.drift import Drift

bent = Drift(
    mark="id",
    enums={"status": "awaiting-pickup", "created_via": "kiosk", "role": "wholesaler"},
    types={"total": lambda _: {"amount": 12.5}, "email": lambda email: [email]},
    field={"delivery_slot": {"from": "10:00", "to": "12:00"}},
    gone=("currency", "email"),
).bent
