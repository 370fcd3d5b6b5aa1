"""The patch of a write as the target gets it: references named, tags and lists merged with those of the record."""

from typing import Any

import msgspec

from app.writes.models import References
from app.writes.resolve_references import with_references
from app.writes.resolved_write import ResolvedWrite
from app.writes.tags import merge_tags
from canonical.parts import Loss
from canonical.portable import merged
from canonical.references import at_target
from mappings.spec import Mapped


def patch_of(resolved: ResolvedWrite, held: Mapped[Any] | None) -> tuple[Any, tuple[Loss, ...]]:
    """Return the patch, and the references that are lost. `held` is the record as it is, which a write that merges or
    edits tags needs."""
    intent = resolved.intent
    if intent.edits_tags:
        assert held is not None  # noqa: S101 - tags are changed of a record
        return resolved.mapping.patch(tags=merge_tags(intent.body, held.data.tags)), ()
    patch = msgspec.json.decode(intent.body, type=resolved.mapping.patch)
    patch, lost = at_target(patch, resolved.connection.name)
    references = intent.references or References()
    patch = with_references(patch, references)
    if held is not None and intent.merges:
        patch = merged(patch, held.data, keep_emails=intent.upsert_on == "email")
    return patch, (*intent.lost, *lost, *references.lost)
