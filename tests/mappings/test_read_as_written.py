"""What each value of a field reads after it was written: as it was sent, or the draft says what was lost.

`tests/contract/test_write_and_read.py` sends what Lockstitch itself resolves, and bodies with every field.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from typing import Any, Final

import msgspec
import pytest
from msgspec.inspect import UnionType

from canonical.field_kinds import kinds_of
from canonical.parts import CustomFieldSetting
from canonical.validate import patch_errors
from emulators.registry import EMULATORS
from mappings.checks.derived import NEVER_EMPTY
from mappings.http import VendorRequest
from mappings.registry import VENDORS
from mappings.spec import Draft
from mappings.stored import as_stored
from tests.contract.field_values import fields
from tests.contract.samples import Body, word
from tests.contract.vendor_samples import SAMPLES, Sample
from tests.contract.write_and_read import (
    Difference,
    base_of_changes,
    covers,
    differences,
    resolved_fields,
    values_of_field,
)
from tests.contract.written_fields import DEFINED, FIELDS, LINE_FIELD
from tests.emulators.vendors import VENDORS as EMULATED
from tests.mappings.emulated import EmulatedAccount
from tests.required import required

OWN_FIELDS: Final = (("line_written", LINE_FIELD), ("account", "AccountId"))
"""The keys of orders, whose lines have custom fields, and who have an account at Salesforce."""
TOGETHER: Final = {
    "first_name": {"display_name"},
    "last_name": {"display_name"},
    "display_name": {"first_name", "last_name"},
    "emails": {"consents"},
    "phones": {"consents"},
    "company_name": {"kind"},
    "customer": {"internal_note"},
    "billing_address": {"customer"},
}
"""Fields that may change with another one."""
REPLACED: Final = {("shopify customer", "display_name"), ("salesforce order", "customer")}
"""Fields in whose place the vendor shows something else: the address, and the account."""
CREDENTIALS: Final = {one.name: one.credential for one in EMULATED}


class Writer(EmulatedAccount[Any]):
    """Writes records of one object at an account that is prepared as a connection's is."""

    def __init__(self, sample: Sample) -> None:
        headers = {name.lower(): value for name, value in CREDENTIALS[sample.vendor].items()} | {"host": "a.example"}
        super().__init__(VENDORS[sample.vendor], EMULATORS[sample.vendor], headers, now=time.time(), step=1.0)
        for request in self.vendor.setup:
            self.send(request)
        for collection, field in DEFINED.get(sample.vendor, ()):
            self.place(collection, **field)
        settings = tuple(CustomFieldSetting(key=key, vendor_field=field) for key, field in OWN_FIELDS)
        written = CustomFieldSetting(key="written", vendor_field=FIELDS[f"{sample.vendor} {sample.object}"])
        self.account = self.learnt({sample.object: (written, *(settings if sample.object == "order" else ()))})
        self.sample, self.mapping = sample, sample.mapping
        self.accepted = 0
        self._markers = map("op_{}".format, count())

    def new(self) -> str:
        """The id of a new record."""
        return required(self.written(self.sample.body(word()), None))[0]

    def rendered(self, remote_id: str) -> Body:
        """A record as it reads."""
        return msgspec.json.decode(msgspec.json.encode(self.read(self.mapping, remote_id).data))

    def findings(self, body: Body, remote_id: str | None) -> Iterator[Difference]:
        """Create a record, or change one, without the fields whose value is invalid. Yield what reads otherwise and is
        no announced loss."""
        written = self.written(body, remote_id)
        if written is None:
            return
        self.accepted += 1
        at, sent, draft = written
        announced = {path for one in draft.loss for path in (one.path, one.place) if path}
        announced |= {one.pointer for one in draft.refused}
        read = self.rendered(at)
        for one in differences(sent, read, kinds_of(self.sample.object)):
            if not any(covers(path, pointer) for path in announced for pointer in one.pointers):
                yield one

    def written(self, body: Body, remote_id: str | None) -> tuple[str, Body, Draft[Any]] | None:
        """Return the id of the record, what was sent in the end, and its draft; None if the vendor refuses it, or if
        nothing is left that is valid."""
        raw, account = (None, self.account) if remote_id is None else self.raw(self.mapping, remote_id)
        current = None if raw is None else self.mapping.decode(raw)
        while True:
            patch, changed = as_stored(msgspec.convert(body, self.mapping.patch), self.mapping.stores)
            draft = self.mapping.to_vendor(patch, current, account)
            wrong = [one.pointer for one in patch_errors(patch)]
            wrong += [one.pointer for one in draft.refused if one.kind == "invalid"]
            if not wrong:
                break
            invalid = {pointer.split("/")[1] for pointer in wrong}
            if not invalid & body.keys():
                return None
            body = {name: value for name, value in body.items() if name not in invalid}
        answer = self.send(self._request(draft.body, remote_id, account))
        if self.vendor.refusal(answer) is not None:
            return None
        result = required(self.mapping.endpoints.write_result)(answer, "create" if remote_id is None else "update")
        of_record = None if result.record is None else self.mapping.read(result.record, account).remote.id
        written = msgspec.structs.replace(draft, loss=(*changed, *draft.loss))
        return required(remote_id or result.remote_id or of_record), body, written

    def _request(self, body: Any, remote_id: str | None, account: Any) -> VendorRequest:
        endpoints, marker = self.mapping.endpoints, next(self._markers)
        if remote_id is not None:
            return required(endpoints.update)(remote_id, body, marker, account)
        parts = None if endpoints.parts is None else endpoints.parts(body, marker, account)
        if parts is not None:
            body = required(endpoints.with_parts)(body, self.must(parts))
        return required(endpoints.create)(body, marker, None, account)


@pytest.mark.parametrize("changes", [False, True], ids=["new", "changed"])
@pytest.mark.parametrize("name", SAMPLES)
def test_each_value_reads_as_it_was_sent(name: str, changes: bool) -> None:
    sample, by_field, tried = SAMPLES[name], defaultdict[str, list[Difference]](list), 0
    patch: type[msgspec.Struct] = sample.mapping.patch
    with Writer(sample) as writer:
        for field in fields(patch).keys() - resolved_fields(name):
            remote_id = writer.new() if changes else None
            for body in values_of_field(patch, base_of_changes(sample) if changes else sample.body, field):
                tried += 1
                for one in writer.findings(body, remote_id):
                    by_field[one.field].append(one)
        assert writer.accepted > tried / 2
    assert not by_field


@pytest.mark.parametrize("name", SAMPLES)
def test_null_empties_a_field_and_leaves_the_rest(name: str) -> None:
    sample = SAMPLES[name]
    patch: type[msgspec.Struct] = sample.mapping.patch
    written = set[str]()
    with Writer(sample) as writer:
        for field in nullable(patch) - resolved_fields(name) - NEVER_EMPTY:
            remote_id = writer.new()
            any(writer.written(body, remote_id) for body in values_of_field(patch, base_of_changes(sample), field))
            before = writer.rendered(remote_id)
            emptied = writer.written({field: None}, remote_id)
            after = writer.rendered(remote_id)
            changed = {one for one in fields(patch) if before[one] != after[one]}
            assert changed <= {field} | TOGETHER.get(field, set()), field
            if emptied is not None and emptied[1] and not emptied[2].loss and not emptied[2].refused:
                written.add(field)
                assert is_empty(after[field]) or (name, field) in REPLACED, field
    assert len(written) > 1


def nullable(patch: type[msgspec.Struct]) -> set[str]:
    """The fields that a caller may write null to."""
    return {name for name, kind in fields(patch).items() if isinstance(kind, UnionType) and kind.includes_none}


def is_empty(value: Any) -> bool:
    """Whether a field holds nothing: custom fields are listed without their values."""
    if isinstance(value, list):
        return all(isinstance(one, dict) and "key" in one and is_empty(one.get("value")) for one in value)
    return value in (None, "", "unknown", "none", False)
