"""Sanitise HTML in vendor records, and convert between HTML and plain text."""

import re
from html import escape, unescape
from typing import Final

from msgspec import UnsetType

from canonical import markup, values
from canonical.parts import Loss
from canonical.ticket import TicketPatch
from mappings.spec import Notes

BLOCKS: Final = frozenset({"p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr"})
Sent = str | None | UnsetType
_TAG: Final = re.compile(r'</?([a-z0-9]++)(?:[^<>"]|"[^"]*+")*+>')
"""A tag as nh3 writes it: lower case, values in double quotes. It writes `<` nowhere else."""
_BULLET: Final = re.compile(r"^[ \t]*+[*•·◦▪-][ \t]++", re.MULTILINE)


def sanitised(html: str, path: str, loss: list[Loss], *, own: re.Pattern[str] | None = None) -> str:
    """Return HTML that is safe to display. Add a loss at `path` if more than class names was removed. `own` matches a
    `<div>` that the vendor puts around every text."""
    safe = values.safe_html(html)
    if markup.is_cut(html):
        loss.append(Loss(path=path, kind="truncated", detail=f"truncated after {markup.MOST_MARKS:,} tags"))
    elif values.is_html_lost(html if own is None else own.sub("<div>", html), safe):
        loss.append(Loss(path=path, kind="coerced", detail="sanitised"))
    return safe


def text_of(html: str) -> str:
    """Return the text of sanitised HTML, one line for each block. A `<br>` ends a line, also an empty one."""
    text = _TAG.sub(lambda tag: "\n" if tag[1] == "br" else "\f" if tag[1] in BLOCKS else "", html.replace("\n", " "))
    lines = [line for block in unescape(text).split("\f") for line in _lines(block)]
    return "\n".join(" ".join(line.split()) for line in lines).strip("\n")


def _lines(block: str) -> list[str]:
    *lines, last = block.split("\n")
    return [*lines, last] if last.strip(" \t\r") else lines


def html_of(text: str) -> str:
    """Return plain text as HTML."""
    return f"<div>{escape(text, quote=False).replace(chr(13), '').replace(chr(10), '<br>')}</div>"


def plain(text: Sent, html: Sent, html_path: str, vendor: str, notes: Notes) -> Sent:
    """Return the text to write for a vendor of plain text: the caller's own, else that of their HTML."""
    if _is_empty(html):
        return text
    notes.lose(html_path, "coerced", f"{vendor} stores plain text: the text is written without its formatting")
    return text_of(values.safe_html(str(html))) if _is_empty(text) else text


def html_or_text(text: Sent, html: Sent, path: str, vendor: str, notes: Notes) -> tuple[str | None, str | None]:
    """Return the HTML to write, or the text without it, for a vendor that stores one of them. None for empty ones. The
    HTML wins; different text is a loss at `path`."""
    if _is_empty(html):
        return None, None if _is_empty(text) else str(text)
    if not _is_empty(text) and str(text).split() != text_of(values.safe_html(str(html))).split():
        notes.lose(path, "coerced", f"{vendor} stores one message: the HTML is written")
    return str(html), None


def has_words(html: Sent, text: str | None) -> bool:
    """Return whether HTML consists of the words of a text. Space and bullets differ: each vendor makes its own text of
    HTML."""
    return _solid(text_of(values.safe_html(str(html or "")))) == _solid(text or "")


def keep_description(patch: TicketPatch, text: str | None, html: str | None, reason: str, notes: Notes) -> None:
    """Judge a change of a description that the vendor does not change, for a `reason`: other words than its `text` are
    refused, and the same words in another form are a loss."""
    for name, stored, is_same in (
        ("description", text, str(patch.description or "").split() == (text or "").split()),
        ("description_html", html, has_words(patch.description_html, text)),
    ):
        wanted = getattr(patch, name)
        if isinstance(wanted, UnsetType) or (wanted or "") == (stored or ""):
            continue
        if is_same:
            notes.lose(f"/{name}", "coerced", f"it keeps its form, with the same words: {reason}")
        else:
            notes.unsupported(f"/{name}", reason)


def _solid(text: str) -> str:
    return "".join(_BULLET.sub("", text).split())


def _is_empty(sent: Sent) -> bool:
    return not (isinstance(sent, str) and sent.strip())
