"""Records by a key, however many others there are."""

from emulators.state import State
from emulators.store import Store

STEPS = 50


def test_a_lookup_reads_no_other_records() -> None:
    store = Store(None)
    state = State(store, "acme")
    for number in range(500):
        state.put("person", str(number), {"id": number}, {"email": f"{number}@example.com"})
    steps = list[int]()
    store.sql.set_progress_handler(lambda: steps.append(STEPS), STEPS)
    assert state.lookup("person", "email", "499@example.com") == [{"id": 499}]
    assert sum(steps) < 500


def test_a_lookup_returns_records_in_the_order_of_insertion() -> None:
    state = State(Store(None), "acme")
    for id in ("b", "c", "a"):
        state.put("person", id, {"id": id}, {"team": "red"})
    state.put("person", "b", {"id": "b", "changed": True}, {"team": "red"})
    assert [one["id"] for one in state.lookup("person", "team", "red")] == ["b", "c", "a"]
