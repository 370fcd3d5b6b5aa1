"""What has to hold for every mapping holds for this one: golden records, enums, small patches, settled writes."""

import pytest

from mappings.checks.quality import claims, computed, judged
from mappings.rt import VENDOR

from .conftest import ROOT

RESULTS = computed(VENDOR, ROOT)


# Request Tracker has no webhooks.
@pytest.mark.parametrize("rule", sorted(RESULTS.keys() - {"silver.webhook-signature"}))
def test_a_rule_that_can_be_computed_holds(rule: str) -> None:
    assert RESULTS[rule].holds, RESULTS[rule].told


def test_what_is_claimed_is_true() -> None:
    assert [one.complaint for one in judged(claims(VENDOR, ROOT), RESULTS) if one.complaint] == []
