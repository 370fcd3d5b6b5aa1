"""Changes that Freshdesk might make to its answers overnight: an unknown status, an id as text, a field added or
removed."""

from emulators.drift import Drift

bent = Drift(
    mark="created_at",
    enums={"status": 42, "source": 105, "priority": 9, "type": "Chargeback", "time_zone": "Utopia"},
    types={"id": str, "active": lambda _: "yes"},
    field={"sentiment": {"score": 82, "label": "positive"}},
    gone=("updated_at",),
).bent
