"""What has to hold for every mapping, held for every vendor: the checks that `lockstitch check-vendor` runs, too."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from mappings.checks.derived import exact_reads, exact_writes, words_agree
from mappings.checks.file_names import files_named
from mappings.checks.finding import finding
from mappings.checks.golden import FOLDER, account_of, cases, golden, map_payload, unanswered
from mappings.checks.quality import FILE, RULES, RuleClaim, checks, claims, computed, judged
from mappings.checks.reading import enums_read, errors_classified, reads
from mappings.checks.result import Result, attempted
from mappings.checks.writing import enums_written, patch_minimal, settled
from mappings.coverage import coverage, unsupported
from mappings.endpoints import VendorPage
from mappings.hubspot.unwrap import check
from mappings.registry import VENDORS, AnyVendor, mapping_of
from tests.required import required

ROOT = Path(__file__).parents[2]
# A vendor is held to what it claims as soon as it claims anything.
RATED = [vendor for vendor in VENDORS.values() if (ROOT / FILE.format(vendor=vendor.name)).exists()]


@pytest.fixture(params=RATED, ids=lambda vendor: vendor.name)
def vendor(request: pytest.FixtureRequest) -> AnyVendor:
    """Every vendor with a quality.toml."""
    return request.param


def result_of(rule: str, vendor: AnyVendor, root: Path = ROOT) -> Result:
    """What is computed of one rule."""
    return attempted(checks(vendor, root)[rule])


@pytest.mark.parametrize("check", [reads, golden, enums_read, patch_minimal])
def test_a_check_of_golden_records_holds(vendor: AnyVendor, check: Any) -> None:
    result: Result = check(vendor, ROOT)

    assert result.failures == ()
    assert result.cases > 0 or check is patch_minimal


@pytest.mark.parametrize("check", [errors_classified, enums_written])
def test_a_check_of_the_folder_holds(vendor: AnyVendor, check: Any) -> None:
    result: Result = check(vendor)

    assert result.failures == ()
    assert result.cases > 0


def test_every_write_says_how_it_is_settled(vendor: AnyVendor) -> None:
    assert settled(vendor).failures == ()


def test_what_quality_toml_claims_is_true(vendor: AnyVendor) -> None:
    judgements = judged(claims(vendor, ROOT), computed(vendor, ROOT))

    assert [one.complaint for one in judgements if one.complaint is not None] == []
    assert {one.rule for one in judgements} >= RULES.keys()


def test_loss_unsupported_and_matrix_tell_one_story(vendor: AnyVendor) -> None:
    """A field that golden records show is one that the matrix calls read; what was changed on the way is one of them;
    a field that `meta.unsupported` names is empty in all of them."""
    account = account_of(vendor, ROOT)
    for case in cases(vendor, ROOT):
        wanted: Any = case.object
        mapping = required(mapping_of(vendor, wanted, case.revision))
        read = {cell.field for cell in coverage(mapping) if cell.reads}
        never = set(unsupported(mapping))
        assert read.isdisjoint(never)
        for mapped in map_payload(vendor, mapping, case.sent, account):
            filled = {name for name, value in _shown(mapped.data).items() if value not in (None, [], "unknown", False)}
            assert never.isdisjoint(filled), case.name
            changed = {loss.path.split("/")[1] for loss in mapped.loss if loss.kind != "dropped"}
            assert never.isdisjoint(changed), case.name


def _shown(data: Any) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(data))


# ------------------------------------------------------------------ the judge is judged


def test_a_claim_that_does_not_hold_is_refused() -> None:
    failed = Result(cases=3, failures=("customer-full: refused",))
    by_rule = {one.rule: one for one in judged({"bronze.golden": RuleClaim(status="done")}, {"bronze.golden": failed})}

    assert by_rule["bronze.golden"].complaint == "bronze.golden is marked done but does not hold: 1 of 3 failed"
    assert not by_rule["bronze.golden"].is_met


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (None, "quality.toml has no entry for gold.docs-page"),
        (RuleClaim(status="todo"), "gold.docs-page is todo without a reason"),
        (RuleClaim(status="exempt", reason=""), "gold.docs-page is exempt without a reason"),
    ],
)
def test_silence_is_refused_too(claim: RuleClaim | None, message: str) -> None:
    claimed = {} if claim is None else {"gold.docs-page": claim}
    (page,) = (one for one in judged(claimed, {}) if one.rule == "gold.docs-page")

    assert required(page.complaint).startswith(message)


def test_a_rule_that_is_exempt_with_a_reason_is_met() -> None:
    claimed = {"silver.webhook-signature": RuleClaim(status="exempt", reason="It sends none.")}
    (rule,) = (one for one in judged(claimed, {}) if one.rule == "silver.webhook-signature")

    assert rule.is_met
    assert rule.level == "silver"


@pytest.mark.parametrize("status", ["done", "exempt"])
def test_only_a_running_system_proves_the_round_trip(status: Any) -> None:
    claimed = {"silver.round-trip": RuleClaim(status=status, reason="A test does it.")}
    unproven, proven = (
        next(one for one in judged(claimed, results) if one.rule == "silver.round-trip")
        for results in ({}, {"silver.round-trip": Result(cases=1)})
    )

    assert (unproven.complaint, unproven.is_met, proven.is_met) == (None, False, True)


def test_without_a_case_nothing_is_shown_to_hold() -> None:
    assert not Result(cases=0).holds
    assert Result(cases=0, nothing="no golden records").summary == "no golden records"


@pytest.fixture
def fixtures(tmp_path: Path) -> Path:
    """HubSpot's golden records, to be spoilt."""
    folder = FOLDER.format(vendor="hubspot")
    return Path(shutil.copytree(ROOT / folder, tmp_path / folder))


@pytest.mark.parametrize(
    ("spoilt", "text", "message"),
    [
        ("ticket-returns.in.json", None, "ticket-returns.out.json has no ticket-returns.in.json"),
        ("ticket-returns.out.json", None, "ticket-returns.in.json has no .out.json"),
        ("ticket-returns.in.json", "{", "ticket-returns.in.json: Input data was truncated"),
        ("ticket-returns.out.json", "{,}", "ticket-returns.out.json: JSON is malformed: "),
    ],
)
def test_a_golden_record_that_is_none_is_named(
    fixtures: Path, tmp_path: Path, spoilt: str, text: str | None, message: str
) -> None:
    (fixtures / spoilt).unlink() if text is None else (fixtures / spoilt).write_text(text)

    failures = golden(VENDORS["hubspot"], tmp_path).failures

    assert [one for one in failures if one.startswith(message)] == list(failures) != []


def test_facts_of_an_account_that_are_none_name_their_file(fixtures: Path, tmp_path: Path) -> None:
    (fixtures / "account.json").write_text('{"custom_fields": {"customer": [{"field": "tier"}]}}')

    result = result_of("bronze.golden", VENDORS["hubspot"], tmp_path)

    assert result.failures == ("account.json: Object contains unknown field `field` - at `$.custom_fields[...][0]`",)


def test_a_case_is_not_answered_by_one_with_a_longer_name(fixtures: Path, tmp_path: Path) -> None:
    (fixtures / "customer-fu.in.json").write_text("{}")

    assert unanswered(VENDORS["hubspot"], tmp_path) == ["customer-fu"]


@pytest.mark.parametrize("name", ["freshdesk", "zendesk"])
def test_derived_checks_read_no_expected_result(name: str, tmp_path: Path) -> None:
    vendor = VENDORS[name]
    folder = tmp_path / FOLDER.format(vendor=name)
    shutil.copytree(ROOT / FOLDER.format(vendor=name), folder, ignore=shutil.ignore_patterns("*.out.json"))
    unread = claims(vendor, ROOT)["bronze.read"].unread

    results = [exact_reads(vendor, tmp_path, unread), exact_writes(vendor, tmp_path), words_agree(vendor, tmp_path)]

    assert [one.failures for one in results] == [(), (), ()]
    assert all(one.cases > 0 for one in results)


def faulty(name: str, object_name: str, **functions: Any) -> AnyVendor:
    """The vendor with other functions in the mappings of one object."""
    vendor = VENDORS[name]
    mappings = tuple(
        replace(one, **{key: wrap(getattr(one, key)) for key, wrap in functions.items()})
        if one.object == object_name
        else one
        for one in vendor.mappings
    )
    return replace(vendor, mappings=mappings)


def reading(change: Any) -> Any:
    """A read whose data another function changes."""

    def wrap(to_canonical: Any) -> Any:
        def read(record: Any, account: Any) -> Any:
            mapped = to_canonical(record, account)
            return msgspec.structs.replace(mapped, data=change(mapped.data))

        return read

    return wrap


def writing(change: Any) -> Any:
    """A write whose patch another function changes."""
    return lambda to_vendor: lambda patch, current, account: to_vendor(change(patch), current, account)


def without(**values: Any) -> Any:
    return lambda one: msgspec.structs.replace(one, **values)


def in_float(order: Any) -> Any:
    total = f"{float(order.totals.total):.2f}"
    return msgspec.structs.replace(order, totals=msgspec.structs.replace(order.totals, total=total))


def swapped(one: Any) -> Any:
    other = {"low": "high", "high": "low"}.get(one.priority, one.priority)
    return msgspec.structs.replace(one, priority=other)


def local(ticket: Any) -> Any:
    return msgspec.structs.replace(ticket, created_at=ticket.created_at.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("vendor", "rule", "failure"),
    [
        (faulty("zendesk", "ticket", to_canonical=reading(without(subject=None))), "bronze.read", "ticket/subject is"),
        (faulty("zendesk", "ticket", to_canonical=reading(local)), "bronze.read", "is not canonical"),
        (faulty("stripe", "order", to_canonical=reading(in_float)), "bronze.read", "goes through a float"),
        (faulty("zendesk", "ticket", to_vendor=writing(without(subject=UNSET))), "silver.write", "drops subject"),
        (
            faulty(
                "freshdesk", "customer", to_vendor=writing(lambda one: without(job_title=one.job_title or UNSET)(one))
            ),
            "silver.write",
            "job_title = null clears nothing",
        ),
        (
            faulty(
                "freshdesk", "customer", to_vendor=writing(lambda one: without(job_title=one.job_title or None)(one))
            ),
            "silver.patch-minimal",
            "an empty patch sends job_title = 'None'",
        ),
        (
            faulty("zendesk", "ticket", to_vendor=writing(swapped)),
            "bronze.enums-total",
            "priority high is written as ['low'], which reads as low",
        ),
        (
            faulty("zendesk", "ticket", to_vendor=writing(swapped), to_canonical=reading(swapped)),
            "bronze.enums-total",
            "priority high is written as low, the name of another value",
        ),
        (
            faulty("freshdesk", "ticket", to_vendor=writing(swapped), to_canonical=reading(swapped)),
            "bronze.enums-total",
            "the numbers of priority do not rise from low to urgent",
        ),
    ],
)
def test_a_fault_that_golden_results_would_record_is_found(vendor: AnyVendor, rule: str, failure: str) -> None:
    result = result_of(rule, vendor)

    assert [one for one in result.failures if failure in one], result.failures


def test_a_member_that_is_read_is_not_called_unread() -> None:
    failures = exact_reads(VENDORS["zendesk"], ROOT, ["ticket/subject"]).failures

    assert failures == ("ticket/subject is unread in quality.toml, and read or not recorded",)


@pytest.mark.parametrize("name", ["lockstitch_operation", "lockstitch_operation_id", "other"])
def test_a_recorded_marker_is_not_called_unread(name: str, tmp_path: Path) -> None:
    folder = tmp_path / FOLDER.format(vendor="freshdesk")
    shutil.copytree(ROOT / FOLDER.format(vendor="freshdesk"), folder)
    for file in folder.glob("customer-*.in.json"):
        file.write_text(file.read_text("utf-8").replace('"custom_fields": {', f'"custom_fields": {{ "{name}": "op_1",'))

    failures = exact_reads(VENDORS["freshdesk"], tmp_path, ["ticket/fr_due_by"]).failures

    assert [one.partition(": ")[2] for one in failures] == (
        ["customer/custom_fields/other is declared and never read"] if name == "other" else []
    )


def test_a_file_of_another_name_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mappings" / "zendesk"
    shutil.copytree(ROOT / "mappings" / "zendesk", folder)
    (folder / "errors.py").rename(folder / "helpers.py")

    assert files_named(VENDORS["zendesk"], tmp_path).failures == (
        "mappings/zendesk/helpers.py is no usual name: see NAMES in mappings/checks/file_names.py",
        "there is no mappings/zendesk/errors.py",
    )


def blind(vendor: AnyVendor, **endpoints: Any) -> AnyVendor:
    """The vendor with other endpoints."""
    mappings = tuple(replace(one, endpoints=replace(one.endpoints, **endpoints)) for one in vendor.mappings)
    return replace(vendor, mappings=mappings)


@pytest.mark.parametrize("name", ["hubspot", "medusa", "salesforce"])
def test_a_mapping_that_finds_no_record_in_an_answer_does_not_read(name: str) -> None:
    result = finding(blind(VENDORS[name], record=lambda reply, account: (None, account)), ROOT, lists=False)

    assert f"{name}.customer: there is no golden answer in which record finds what unwrap finds" in result.failures
    assert finding(VENDORS[name], ROOT, lists=False).holds


def test_a_mapping_that_finds_a_part_of_a_list_does_not_read() -> None:
    whole = required(VENDORS["freshdesk"].mappings[0].endpoints.page)

    def first(reply: Any, query: Any, account: Any) -> Any:
        page = whole(reply, query, account)
        return msgspec.structs.replace(page, records=page.records[:1])

    result = result_of("bronze.read", blind(VENDORS["freshdesk"], page=first))

    assert "customer-listed: page does not find the 2 records that unwrap finds" in result.failures


def test_without_an_emulator_golden_answers_check_lists() -> None:
    def nothing(reply: Any, query: Any, account: Any) -> Any:
        return VendorPage(records=(), next=None, account=account)

    result = result_of("bronze.read", blind(VENDORS["rt"], page=nothing))

    assert "rt.ticket: there is no golden answer in which page finds what unwrap finds" in result.failures


def test_any_exception_of_a_folder_is_a_failure_with_its_place() -> None:
    def slipped(payload: bytes, object: Any) -> tuple[msgspec.Raw, ...]:
        check(payload, object)  # type: ignore[arg-type]
        return ()

    by_rule = computed(replace(VENDORS["hubspot"], unwrap=slipped), ROOT)

    for rule in ("bronze.read", "bronze.golden", "bronze.enums-total"):
        assert "it raises AttributeError: " in by_rule[rule].failures[0]
        assert "(mappings/hubspot/unwrap.py, line " in by_rule[rule].failures[0]
    assert by_rule["bronze.errors-classified"].holds
