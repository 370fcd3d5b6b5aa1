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
        return sent_patch(resolved, held), ()
    references = intent.references or References()
    patch, lost = at_target(_decoded(resolved), resolved.connection.name)
    patch = _merged(resolved, with_references(patch, references), held)
    return patch, (*intent.lost, *lost, *references.lost)


def sent_patch(resolved: ResolvedWrite, held: Mapped[Any] | None) -> Any:
    """Return the patch like `patch_of`, with its references as they were sent."""
    intent = resolved.intent
    if intent.edits_tags:
        assert held is not None  # noqa: S101 - tags are changed of a record
        return resolved.mapping.patch(tags=merge_tags(intent.body, held.data.tags))
    return _merged(resolved, at_target(_decoded(resolved), resolved.connection.name)[0], held)


def _decoded(resolved: ResolvedWrite) -> Any:
    return msgspec.json.decode(resolved.intent.body, type=resolved.mapping.patch)


def _merged(resolved: ResolvedWrite, patch: Any, held: Mapped[Any] | None) -> Any:
    intent = resolved.intent
    if held is None or not intent.merges:
        return patch
    return merged(patch, held.data, keep_emails=intent.upsert_on == "email")
