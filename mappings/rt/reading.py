"""What the readings of tickets and messages share."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Final

from canonical import values
from canonical.parts import Loss
from mappings.rt.wire_rest2 import NEVER, Message

BREAKS: Final = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr"})
# Not the head, whose end may be left out: nothing else in it is shown as text.
SILENT: Final = frozenset({"script", "style", "title"})


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
    safe = values.safe_html(html)
    if values.is_html_lost(html, safe):
        loss.append(Loss(path=html_path, kind="coerced", detail="sanitised"))
    if message.plain is not None:
        return message.plain, safe
    loss.append(Loss(path=path, kind="coerced", detail="made from the HTML"))
    return text_of(html), safe


def text_of(html: str) -> str:
    """The words of an HTML message, a line for each block."""
    reader = _Words()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.words).split("\n"))
    return "\n".join(line for line in lines if line)


class _Words(HTMLParser):
    """Collects what is shown."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A block begins on a line of its own."""
        if tag in SILENT:
            self._silent += 1
        elif tag in BREAKS:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """And ends it."""
        if tag in SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in BREAKS:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        """Line breaks of the source are spaces."""
        if not self._silent:
            self.words.append(data.replace("\n", " "))
