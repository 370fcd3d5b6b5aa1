"""The verdict on one change, for any policy."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.ownership.verdict import WRITTEN, Change, depends_on_record, may_write, rule
from canonical.parts import FieldOwnership

NAMES = ("crm", "shop", "key:n8n", "key:other", "person")
POLICIES = st.builds(
    FieldOwnership,
    owner=st.sampled_from(("crm", "shop")),
    writers=st.none() | st.lists(st.sampled_from(NAMES), unique=True).map(tuple),
    anyone_else=st.sampled_from((None, "reject", "skip", "review")),
    among_writers=st.sampled_from((None, "owner_wins", "newest", "fill_empty")),
)
FLAGS = ("differs", "replaces", "is_older", "contradicts_owner")
CHANGES = st.builds(
    Change,
    by=st.sets(st.sampled_from(NAMES), min_size=1, max_size=2).map(frozenset),
    target=st.sampled_from(("crm", "shop", "desk")),
    **{name: st.booleans() for name in FLAGS},
)


@given(POLICIES, CHANGES)
def test_only_a_change_of_value_by_anyone_else_is_refused(policy: FieldOwnership, change: Change) -> None:
    refused = rule("phones", policy, change).verdict in ("refused", "review")
    others = policy.anyone_else in ("reject", "review") and not may_write(policy, change.by, change.target)
    assert refused == (others and change.differs)


@given(POLICIES, CHANGES, st.fixed_dictionaries({name: st.booleans() for name in FLAGS}))
def test_a_verdict_without_the_record_never_changes(policy: FieldOwnership, change: Change, facts: Any) -> None:
    """Where no record is read, no record could have changed the verdict."""
    if not depends_on_record(policy, change.by, change.target):
        assert rule("phones", policy, Change(by=change.by, target=change.target, **facts)) == WRITTEN


@given(POLICIES, CHANGES)
def test_the_owner_is_limited_by_time_alone(policy: FieldOwnership, change: Change) -> None:
    by_owner = Change(by=frozenset({policy.owner or ""}), target=change.target, replaces=change.replaces)
    assert rule("phones", policy, by_owner) == WRITTEN
