"""References in the bodies that tests write, and in the records that they read."""

from typing import Any

from hypothesis import strategies as st


def naming(ids: st.SearchStrategy[str | None]) -> st.SearchStrategy[dict[str, str] | None]:
    """Return references to these records; None removes the reference."""
    return ids.map(lambda id: None if id is None else {"remote_id": id})


def plain(value: Any) -> Any:
    """Return the vendor's id of a reference, any other value as it is."""
    return value["remote_id"] if isinstance(value, dict) else getattr(value, "remote_id", value)
