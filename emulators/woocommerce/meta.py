"""Meta: free data of a record. Its keys need not be unique.

WordPress keeps a single value as text, so true becomes "1" and 5 becomes "5". Lists and maps stay as they are. A null
removes the entry with this key, or with this id if one is sent.
"""

from typing import Any

from emulators.state import JsonRecord
from emulators.woocommerce.errors import invalid
from emulators.woocommerce.shop import Shop, cleaned


def changed(shop: Shop, stored: list[JsonRecord], body: JsonRecord) -> list[JsonRecord]:
    """Return the meta after a write."""
    sent = body.get("meta_data")
    if "meta_data" not in body:
        return stored
    if not isinstance(sent, list) or not all(isinstance(one, dict) for one in sent):
        raise invalid("meta_data", "meta_data is not of type array.")
    meta = [dict(one) for one in stored]
    for one in sent:
        _apply(shop, meta, one)
    return meta


def rendered(stored: list[JsonRecord]) -> list[JsonRecord]:
    """Return the meta of a line as in answers: with displayed names and values, which are sanitized."""
    return [{"display_key": one.get("key"), "display_value": _displayed(one.get("value"))} | one for one in stored]


def _apply(shop: Shop, meta: list[JsonRecord], sent: JsonRecord) -> None:
    key, value = str(sent.get("key", "")), sent.get("value")
    matches = [one for one in meta if (one["id"] == sent["id"] if sent.get("id") else one["key"] == key)]
    if value is None:
        for one in matches:
            meta.remove(one)
    elif matches:
        matches[0].update(key=key or matches[0]["key"], value=_kept(value))
        matches[0].pop("display_value", None)
        for double in matches[1:]:
            meta.remove(double)
    elif key:
        meta.append({"id": shop.state.next_id("meta", 1), "key": key, "value": _kept(value)})


def _displayed(value: Any) -> Any:
    return cleaned(value) if isinstance(value, str) else value


def _kept(value: Any) -> Any:
    if isinstance(value, bool):
        return "1" if value else ""
    return str(value) if isinstance(value, int | float) else value
