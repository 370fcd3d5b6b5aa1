"""The parts of a data contract that the installation configures: owners, contact and severities."""

from typing import Any

import msgspec

from app.settings.ownership import COMMENTS, ObjectOwnership


def with_owners(contract: dict[str, Any], ownership: ObjectOwnership) -> dict[str, Any]:
    """Return the contract with the configured owners, contact and severities; null or empty if not configured."""
    default = ownership.default
    groups: dict[tuple[str | None, str | None], list[str]] = {}
    for name, field in ownership.fields.items():
        if name != COMMENTS and (field.team is not None or field.owner is not None):
            groups.setdefault((field.team, field.owner), []).append(name)
    severities = [msgspec.to_builtins(one) for one in sorted(ownership.severities, key=lambda one: one.level)]
    return {
        **contract,
        "owner": {"team": default.team, "system": default.owner, **contract["owner"]},
        "field_owners": [
            {"team": team, "system": system, "fields": fields} for (team, system), fields in groups.items()
        ],
        "incidents": {"contact": ownership.contact, "severities": severities, **contract["incidents"]},
    }
