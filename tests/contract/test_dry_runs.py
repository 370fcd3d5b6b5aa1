"""A dry run says what the answer to the write then says: its problem, its losses, and what is ignored and skipped.

Only the vendor knows what it refuses, and what it sets by itself in a new record.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

import httpx
import pytest

from tests.contract.callers import Caller, expect
from tests.contract.emulators import Emulators
from tests.contract.own_facade import own_facade
from tests.contract.portability import decided, furnish, read_at, rich
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import SAMPLES, Sample, all_vendors
from tests.contract.write_and_read import whole_bodies

SET_BY_VENDOR: Final = "it was sent without a value"
OTHER: Final = {"first_name": "Bob", "company_name": "Clay", "language": "fr", "priority": "low", "notes": "Other."}

running_facade, full_key = own_facade(all_vendors)


def foretold(caller: Caller, method: str, path: str, body: Body) -> bool:
    """Send a dry run and the write, and hold the one to the other. Return whether the write succeeds."""
    draft = caller.request(method, f"{path}&dry_run=true", json=body).json()
    answer = decided(caller, caller.write(method, path, body))
    written, problem = answer.json(), draft.get("problem", draft if "code" in draft else None)
    if not answer.is_success:
        assert problem == without(written, problem) or "vendor" in written, (problem, written)
        return False
    assert problem is None, problem
    meta, read = written["meta"], caller.get(read_path(answer, written)).json()["meta"]
    answered, promised = noted(meta["loss"]), noted(draft["loss"])
    assert promised <= answered, promised - answered
    assert answered - noted(read["loss"]) <= promised, answered - noted(read["loss"]) - promised
    assert draft["ignored"] == meta["ignored"]
    assert skipped(draft["fields"]) == {one["pointer"] for one in meta["skipped"]}
    return True


def without(written: Body, problem: Body | None) -> Body:
    """Return a problem with the ids of the dry run, which is another request."""
    return written | {name: (problem or {}).get(name) for name in ("correlation_id", "instance")}


def read_path(answer: httpx.Response, written: Body) -> str:
    """Return the path of the record that was written."""
    return f"/v1/{answer.request.url.path.split('/')[2]}/{written['id']}?connection={written['meta']['connection']}"


def noted(loss: Iterable[Body]) -> Counter[Any]:
    """Return losses to compare."""
    return Counter(tuple(sorted(one.items())) for one in loss if not one["detail"].startswith(SET_BY_VENDOR))


def skipped(verdicts: Iterable[Body]) -> set[str]:
    """Return the pointers of the fields that a dry run says are skipped."""
    return {one["pointer"] for one in verdicts if one["verdict"] == "skipped"}


def writable(sample: Sample, body: Body) -> Body:
    """Return a body with the fields that the object has."""
    return {field: value for field, value in body.items() if field in sample.mapping.patch.__struct_fields__}


def source_of(caller: Caller, vendors: Emulators, to: Sample, mark: str) -> tuple[Sample, Body]:
    """Return a record of another vendor than the target's, as it is read."""
    others = [one for one in SAMPLES.values() if one.object == to.object and one.vendor != to.vendor]
    source = others[sorted(SAMPLES).index(f"{to.vendor} {to.object}") % len(others)]
    made = caller.create(source.collection(), read_at(source, mark))
    record: Body = expect(caller.get(f"{source.path}/{made['id']}")).json()
    if (to.vendor, to.object) == ("salesforce", "order"):
        furnish(vendors, record)
    return source, record


@pytest.mark.parametrize("name", SAMPLES)
def test_a_write_is_as_its_dry_run_says(caller: Caller, vendors: Emulators, name: str) -> None:
    sample = SAMPLES[name]
    for body in islice(whole_bodies(sample.mapping.patch, sample.body), 2):
        foretold(caller, "POST", f"{sample.collection()}&loss=any", body)
    _, record = source_of(caller, vendors, sample, word())
    foretold(caller, "POST", f"{sample.collection()}&loss=descriptive", record)
    made = caller.create(sample.collection(), sample.body(word()))
    body = writable(sample, rich(sample.object, word()))
    assert foretold(caller, "PATCH", f"{sample.path}/{made['id']}?loss=any", body)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_copy_is_as_its_dry_run_says(caller: Caller, vendors: Emulators, name: str) -> None:
    """To a record that it finds, with other values, and after a change of the source."""
    to, mark = SAMPLES[name], word()
    source, record = source_of(caller, vendors, to, mark)
    own = writable(to, rich(to.object, mark) | to.body(mark) | {"external_id": f"key-{mark}"} | OTHER)
    decided(caller, caller.write("POST", f"{to.collection()}&loss=any", own))
    path = f"{source.path}/{record['id']}/copies?connection={source.vendor}&loss=any"
    copy = {"connection": to.vendor, "match_on": "email" if to.object == "customer" else "external_id"}
    assert foretold(caller, "POST", path, copy)
    change = rich(source.object, word()).items()
    more = writable(source, {field: value for field, value in change if field not in ("emails", "customer")})
    changed = caller.write("PATCH", f"{source.path}/{record['id']}?connection={source.vendor}&loss=any", more)
    assert decided(caller, changed).is_success
    foretold(caller, "POST", path, copy)
