"""A URL that somebody else names, judged before anything depends on it."""

from typing import Final

from app.egress.models import NotPosted, Poster
from app.errors import InvalidField
from app.problem_document import FieldError

NEXT_STEP: Final = (
    "Name a public https address; or have an operator list the target's address and port in egress.allow"
    " (LOCKSTITCH_EGRESS_ALLOW), such as 127.0.0.1/32:5678."
)


async def complaint_about(poster: Poster, url: str) -> str | None:
    """Why nothing would be sent to a URL, in words for its caller; None where it would."""
    try:
        await poster.check(url)
    except NotPosted as refused:
        return f"the target {refused.why}"
    return None


async def require_callback(poster: Poster, url: str) -> None:
    """Judge the URL of a `Lockstitch-Callback` header. Raises InvalidField."""
    complaint = await complaint_about(poster, url)
    if complaint is not None:
        raise InvalidField(
            f"Lockstitch-Callback: {complaint}.",
            errors=(FieldError(header="Lockstitch-Callback", detail=complaint),),
            next_step=NEXT_STEP,
        )
