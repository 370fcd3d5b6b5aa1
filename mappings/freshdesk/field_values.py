"""Values that contacts, tickets and conversations share."""

import re
from email.utils import parseaddr
from functools import lru_cache
from typing import Final

from canonical import values
from canonical.parts import Attachment
from mappings.freshdesk import wire_v2
from mappings.stored import TextChange

OWN_FONT: Final = re.compile(r'<div style="font-family:[^"<>]*">')
"""The element that Freshdesk puts around a message written in its web interface."""
LONGEST_SENDER: Final = 1000
LONGEST_LINE: Final = 255
"""The most characters of a name, a subject or a title."""
PLAIN: Final = TextChange(
    text=lambda text: text.replace("\r\n", "\n").replace("\r", "\n").strip(),
    detail="Freshdesk stores HTML: each line break reads as \\n, and blank space at the ends is removed",
)


def attachments(files: tuple[wire_v2.Attachment, ...]) -> tuple[Attachment, ...]:
    """Return canonical attachments. Freshdesk has used two names for the size."""
    return tuple(
        [
            Attachment(
                remote_id=str(file.id),
                name=file.name,
                content_type=file.content_type,
                size=file.size if file.size is not None else file.file_size,
                url=file.attachment_url,
            )
            for file in files
        ]
    )


def address_of(text: str | None) -> tuple[str | None, str | None]:
    """Return name and address of a sender such as `Ann Lee <ann@example.com>`; neither if it is implausibly long."""
    return _address_of(text) if text and len(text) <= LONGEST_SENDER else (None, None)


@lru_cache(maxsize=values.CACHE_SIZE)
def _address_of(text: str) -> tuple[str | None, str | None]:
    name, address = parseaddr(text)
    return name or None, values.email(address) if values.is_email(address) else None
