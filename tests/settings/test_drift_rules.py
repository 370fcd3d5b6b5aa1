"""Rules about drift: which paths they mean, which of them counts, and how the file spells them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settings.drift import DriftPolicy, DriftRule, policy_of
from app.settings.environment import load_settings
from app.settings.reading import SettingsError

HEAD = '[connections.crm]\nvendor = "hubspot"\ncredentials = { token = "env:TOKEN" }\n'
NAMES = st.from_regex(r"[a-z][a-zA-Z0-9_]{0,6}", fullmatch=True)
STEPS = st.lists(NAMES.map(lambda name: f".{name}") | st.just("[*]") | st.just(".*"), min_size=1, max_size=4)


def rule(path: str, policy: DriftPolicy = "reject") -> DriftRule:
    return DriftRule(path=path, policy=policy)


@pytest.mark.parametrize(
    ("pattern", "paths", "others"),
    [
        ("$.status", ["$.status"], ["$.status.name", "$.statuses", "$.a.status"]),
        (
            "$.properties.*",
            ["$.properties.x", "$.properties.*"],
            ["$.properties", "$.properties.x.y", "$.properties[*]"],
        ),
        ("$.lines[*].tax", ["$.lines[*].tax"], ["$.lines[*]", "$.lines.tax"]),
        ("$..*", ["$.a", "$.a.b", "$.a[*].b", "$.*"], ["$"]),
        ("$.a..*", ["$.a.b", "$.a[*].b.c"], ["$.a", "$.ab"]),
        ("$", ["$"], ["$.a"]),
    ],
)
def test_a_pattern_means_these_paths(pattern: str, paths: list[str], others: list[str]) -> None:
    assert {policy_of([rule(pattern)], "ticket", path) for path in paths} == {"reject"}
    assert {policy_of([rule(pattern)], "ticket", path) for path in others} == {"evolve"}


@given(STEPS)
def test_every_path_is_a_pattern_of_itself_and_below_everything(steps: list[str]) -> None:
    path = "$" + "".join(steps)
    assert policy_of([rule(path)], "order", path) == "reject"
    assert policy_of([rule("$..*")], "order", path) == "reject"


def test_the_first_rule_that_fits_counts_and_without_one_things_evolve() -> None:
    rules = [rule("$.a", "discard"), DriftRule(path="$..*", policy="freeze", objects=("tickets",))]
    assert [policy_of(rules, "ticket", path) for path in ("$.a", "$.b")] == ["discard", "freeze"]
    assert policy_of(rules, "customer", "$.b") == "evolve"


def read(folder: Path, text: str) -> None:
    file = folder / "lockstitch.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    settings = load_settings({"LOCKSTITCH_CONFIG": str(file)})
    assert settings.connections["crm"].drift or settings.drift.sample_rate != 0.05


def test_rules_and_rates_stand_in_the_file(tmp_path: Path) -> None:
    read(tmp_path, '[[connections.crm.drift]]\npath = "$.properties.*"\npolicy = "freeze"\nobjects = ["tickets"]\n')
    read(tmp_path, "[drift]\nsample_rate = 0.5\nlearn_records = 10\nlearn_hours = 1\n")


@pytest.mark.parametrize(
    "text",
    [
        '[[connections.crm.drift]]\npath = "status"\npolicy = "freeze"\n',
        '[[connections.crm.drift]]\npath = "$.a[0]"\npolicy = "freeze"\n',
        '[[connections.crm.drift]]\npath = "$.a"\npolicy = "ignore"\n',
        '[[connections.crm.drift]]\npath = "$.a"\npolicy = "freeze"\nobjects = ["people"]\n',
        '[[connections.crm.drift]]\npath = "$.a"\n',
        "[drift]\nsample_rate = 2\n",
        "[drift]\nlearn_records = 0\n",
        "[drift]\nrate = 0.1\n",
    ],
)
def test_a_mistake_in_the_file_is_complained_about(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"drift|connections\.crm"):
        read(tmp_path, text)
