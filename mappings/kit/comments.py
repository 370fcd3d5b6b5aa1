"""Comments of tickets: their text, visibility and author, and the requests through their ticket."""

from collections.abc import Mapping
from typing import Final

from canonical.ticket import CommentPatch, Visibility
from mappings.kit.html import html_or_text
from mappings.spec import Notes

PRIVATE: Final[Mapping[Visibility, bool]] = {"public": False, "private": True}
NO_TEXT: Final = "a comment needs text: send body_text or body_html"


def body_of(patch: CommentPatch, vendor: str, notes: Notes) -> tuple[str | None, str | None]:
    """Return the HTML of a comment, or without it the text. Refuse a comment with neither."""
    html, text = html_or_text(patch.body_text, patch.body_html, "/body_text", vendor, notes)
    if not html and not text:
        notes.invalid("/body_text", NO_TEXT)
    return html, text


def is_private(patch: CommentPatch, notes: Notes) -> bool:
    """Return whether only agents may see a comment. Refuse an unknown visibility."""
    if patch.visibility not in PRIVATE:
        notes.invalid("/visibility", f"one of: {', '.join(PRIVATE)}")
    return PRIVATE.get(patch.visibility, False)
