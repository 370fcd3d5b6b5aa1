"""The patch of a write as the target gets it: references named, tags and lists merged with those of the record."""

from typing import Any

from app.writes.models import References
from app.writes.resolve_references import with_references
from app.writes.resolved_write import ResolvedWrite
from app.writes.tags import merge_tags
from canonical.parts import Loss
from canonical.portable import merged
from canonical.references import at_target
from mappings.spec import Mapped
from mappings.stored import as_stored


def patch_of(resolved: ResolvedWrite, held: Mapped[Any] | None) -> tuple[Any, tuple[Loss, ...]]:
    """Return the patch, and the references that are lost. `held` is the record as it is, which a write that merges or
    edits tags needs."""
    intent = resolved.intent
    if intent.edits_tags:
        assert held is not None  # noqa: S101 - tags are changed of a record
        return resolved.mapping.patch(tags=merge_tags(intent.body, held.data.tags)), ()
    references = intent.references or References()
    patch, lost = at_target(resolved.patch, resolved.connection.name)
    patch, changed = _as_stored(resolved, with_references(patch, references), held)
    return patch, (*intent.lost, *lost, *references.lost, *changed)


def sent_patch(resolved: ResolvedWrite, held: Mapped[Any]) -> tuple[Any, tuple[Loss, ...]]:
    """Return the patch like `patch_of`, with its references as they were sent, and what the vendor changes."""
    if resolved.intent.edits_tags:
        return patch_of(resolved, held)
    return _as_stored(resolved, at_target(resolved.patch, resolved.connection.name)[0], held)


def _as_stored(resolved: ResolvedWrite, patch: Any, held: Mapped[Any] | None) -> tuple[Any, tuple[Loss, ...]]:
    """Return the patch as the vendor stores it, merged with the record, and the texts that the vendor changes."""
    intent = resolved.intent
    patch, changed = as_stored(patch, resolved.mapping.stores)
    if held is None or not intent.merges:
        return patch, changed
    return merged(patch, held.data, keep_emails=intent.upsert_on == "email"), changed
