"""What the readings of tickets and messages share."""

import re
from datetime import UTC, datetime
from html import unescape
from typing import Final

from canonical import values
from canonical.parts import Loss
from mappings.kit.html import sanitised
from mappings.rt.wire_rest2 import NEVER, Message

BREAKS: Final = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr"})
_TAG: Final = re.compile(r'</?([a-z0-9]++)(?:[^<>"]|"[^"]*+")*+>')
"""As nh3 writes them: in lower case, values in double quotes, and `<` nowhere else."""


def instant(moment: datetime) -> datetime:
    """Request Tracker sends UTC, and what it sends is passed on."""
    return moment if moment.tzinfo is UTC else values.utc(moment)


def set_instant(moment: datetime | None) -> datetime | None:
    """A time, or None for one that was never set."""
    return None if moment is None or moment == NEVER else instant(moment)


def said(message: Message | None, path: str, html_path: str, loss: list[Loss]) -> tuple[str | None, str | None]:
    """What a message says as text and as HTML; the text is made of the HTML where that is all there is."""
    if message is None:
        return None, None
    html = message.html
    if html is None:
        return message.plain, None
    safe = sanitised(html, html_path, loss)
    if message.plain is not None:
        return message.plain, safe
    loss.append(Loss(path=path, kind="coerced", detail="made from the HTML"))
    return text_of(safe), safe


def text_of(html: str) -> str:
    """The words of a message that was sanitised, a line for each block."""
    text = _TAG.sub(lambda tag: "\n" if tag[1] in BREAKS else "", html.replace("\n", " "))
    lines = (" ".join(line.split()) for line in unescape(text).split("\n"))
    return "\n".join(line for line in lines if line)
