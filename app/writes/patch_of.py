"""The patch of a write as the target gets it: people named, tags and lists merged with those of the record."""

from typing import Any

import msgspec

from app.writes.name_people import name_people
from app.writes.resolved_write import ResolvedWrite
from app.writes.tags import merge_tags
from canonical.portable import merged
from mappings.spec import Mapped


async def patch_of(resolved: ResolvedWrite, held: Mapped[Any] | None) -> Any:
    """Return the patch. `held` is the record as it is, which a write that merges or edits tags needs."""
    intent = resolved.intent
    if intent.edits_tags:
        assert held is not None  # noqa: S101 - tags are changed of a record
        return resolved.mapping.patch(tags=merge_tags(intent.body, held.data.tags))
    patch = await name_people(resolved, msgspec.json.decode(intent.body, type=resolved.mapping.patch))
    if held is not None and intent.merges:
        return merged(patch, held.data, keep_emails=intent.upsert_on == "email")
    return patch
