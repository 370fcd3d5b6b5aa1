"""Lists: pages by number or offset, and the headers that tell how many there are."""

from collections.abc import Sequence

from emulators.http import Answer, Call, json_answer
from emulators.state import JsonRecord
from emulators.woocommerce.errors import invalid

PER_PAGE = 10
MOST_PER_PAGE = 100


def paged(call: Call, records: Sequence[JsonRecord]) -> Answer:
    """The page of these records that the call asks for."""
    size = _number(call, "per_page", PER_PAGE, 1, MOST_PER_PAGE)
    page = _number(call, "page", 1, 1, None)
    offset = _number(call, "offset", (page - 1) * size, 0, None)
    pages = -(-len(records) // size)
    headers = {"x-wp-total": str(len(records)), "x-wp-totalpages": str(pages)}
    return json_answer(200, records[offset : offset + size], headers)


def ids_of(call: Call, name: str) -> set[int] | None:
    """A list of ids, between commas or as a repeated parameter; None where it was not sent."""
    sent = [*call.params(name), *call.params(f"{name}[]")]
    if not sent:
        return None
    return {int(one) if one.strip().isdecimal() else 0 for text in sent for one in text.split(",")}


def words_of(call: Call, name: str) -> list[str]:
    """A list of words, likewise; empty where it was not sent."""
    sent = [*call.params(name), *call.params(f"{name}[]")]
    return [one.strip() for text in sent for one in text.split(",")]


def is_descending(call: Call) -> bool:
    """The direction; the newest come first where nothing is said."""
    order = call.param("order") or "desc"
    if order not in ("asc", "desc"):
        raise invalid("order", "order is not one of asc and desc.")
    return order == "desc"


def _number(call: Call, name: str, default: int, low: int, high: int | None) -> int:
    text = call.param(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise invalid(name, f"{name} is not of type integer.")
    number = int(text)
    if number < low or (high is not None and number > high):
        bounds = f"between {low} (inclusive) and {high} (inclusive)" if high is not None else f"greater than {low - 1}"
        raise invalid(name, f"{name} must be {bounds}")
    return number
