"""Times and texts of tickets and messages."""

from datetime import datetime
from typing import Final

from canonical import values
from canonical.parts import Loss
from mappings.kit.html import sanitised, text_of
from mappings.rt.wire_rest2 import NEVER, Message
from mappings.stored import TextChange

ONE_BREAK: Final = TextChange(
    text=lambda text: text.replace("\r\n", "\n"), detail="Request Tracker stores each line break as \\n"
)


def set_instant(moment: datetime | None) -> datetime | None:
    """Return a time, None if it was never set."""
    return None if moment == NEVER else values.utc(moment)


def text_and_html(
    message: Message | None, path: str, html_path: str, loss: list[Loss]
) -> tuple[str | None, str | None]:
    """Return a message as text and as HTML. If it has HTML only, the text is made from that."""
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
