"""What Zendesk might do overnight to its own answers: a status nobody knows, an id as text, one field more or less."""

from emulators.drift import Drift

bent = Drift(
    mark="id",
    enums={"status": "awaiting_vendor", "role": "light-agent", "priority": "critical"},
    types={"id": str, "tags": lambda tags: ",".join(tags or ()), "verified": lambda _: "yes"},
    field={"sentiment": {"score": 0.82, "label": "positive"}},
    gone=("updated_at", "author_id"),
).bent
