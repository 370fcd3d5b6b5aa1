"""What stands in the place of erased values."""

import re
from typing import Any, Final

import msgspec

from app.errors import Erased
from app.problem_document import ProblemDocument, document_of
from app.records.withhold_person import TEXT, without_person
from app.writes.answer import problem_answer
from app.writes.approval import ApprovalDetails
from app.writes.models import Intent

KEPT: Final = ("order.", "ticket.", "customer.")
"""The types of events that stay without a person whom they name. Those of the person, and all others, are deleted."""


def emptied(_plain: bytes) -> bytes:
    """Return an empty payload."""
    return b"{}"


def without_payload(names: re.Pattern[bytes], plain: bytes) -> bytes:
    """Return the payload of a dead letter with what it refers to: its receipt, its operation, its delivery."""
    members: dict[str, Any] = msgspec.json.decode(plain)
    left = {
        name: {} if name == "event" else one for name, one in members.items() if name not in ("payload", "withheld")
    }
    return names.sub(TEXT.encode(), msgspec.json.encode(left))


def redacted(names: re.Pattern[bytes], plain: bytes, *, whole: bool) -> bytes:
    """Return the JSON of a state or an event without the addresses and ids that `names` matches, and without its
    personal members, unless it is left `whole`: it is about somebody else."""
    kept = plain if whole else msgspec.json.encode(without_person(msgspec.json.decode(plain)))
    return names.sub(TEXT.encode(), kept)


def redacted_delivery(names: re.Pattern[bytes], ids: frozenset[str], plain: bytes) -> bytes:
    """Return the payload of a delivery with the event as it is redacted; without it, if that is deleted."""
    payload: dict[str, Any] = msgspec.json.decode(plain)
    event = payload["event"]
    if not event or not event["type"].startswith(KEPT) or event["data"].get("id") in ids:
        return msgspec.json.encode({"delivery": payload["delivery"], "scopes": payload["scopes"], "event": {}})
    return redacted(names, plain, whole=event["type"].startswith("customer."))


class BlankOperation:
    """Blanks the sealed columns of an operation, `intent` first: its path is in the problem that stands for its
    answer."""

    def __init__(self, operation: str, run: str, public_url: str, names: re.Pattern[bytes]) -> None:
        self._erased = Erased("The person of this request was erased.", operation_id=operation)
        self._run, self._public_url, self._names = run, public_url, names
        self._path = ""

    def blank(self, column: str, plain: bytes) -> bytes:
        """Return what is left of a column: an intent without its body, and 410 as answer or problem."""
        match column:
            case "intent":
                intent = msgspec.msgpack.decode(plain, type=Intent)
                self._path = self._names.sub(TEXT.encode(), intent.instance.encode()).decode()
                kept = ("object", "action", "connection", "revision", "remote_id", "part_of", "writer")
                facts = {name: getattr(intent, name) for name in kept}
                return msgspec.msgpack.encode(Intent(**facts, instance=self._path, body=b"{}"))
            case "answer":
                return msgspec.msgpack.encode(problem_answer(self._document))
            case "problem":
                return msgspec.msgpack.encode(self._document)
            case "approval_details":
                details = msgspec.msgpack.decode(plain, type=ApprovalDetails)
                left = ApprovalDetails(
                    requested_by=details.requested_by, effect=details.effect, remote_id=details.remote_id
                )
                return msgspec.msgpack.encode(left)
        return plain

    @property
    def _document(self) -> ProblemDocument:
        return document_of(self._erased, public_url=self._public_url, instance=self._path, correlation_id=self._run)
