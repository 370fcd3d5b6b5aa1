"""The document of the whole API, built once for all tests that read it, with all headers."""

from typing import Final

from app.api import handlers
from app.openapi.document import document

HANDLERS: Final = handlers()
DOCUMENT: Final = document("https://lockstitch.example", HANDLERS, optional_headers=True)
