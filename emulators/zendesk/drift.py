"""Changes that Zendesk might make to its answers overnight: an unknown status, an id as text, a field added or
removed."""

from emulators.drift import Drift

bent = Drift(
    mark="id",
    enums={"status": "awaiting_vendor", "role": "light-agent", "priority": "critical"},
    types={"id": str, "tags": lambda tags: ",".join(tags or ()), "verified": lambda _: "yes"},
    field={"sentiment": {"score": 0.82, "label": "positive"}},
    gone=("updated_at", "author_id"),
).bent
