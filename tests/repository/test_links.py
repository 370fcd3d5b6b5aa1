"""Links between the pages lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page.relative_to(ROOT)
    for pages in ("*.md", "docs/**/*.md", "n8n-workflows/*.md", "n8n-node/*.md")
    for page in ROOT.glob(pages)
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
MODULE = re.compile(r"\b(?:app|benchmarks|canonical|emulators|mappings|tests)/[\w/.]+\.py\b")
FENCE = re.compile(r"```.*?```", re.DOTALL)


def anchors_of(page: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_to_a_page_and_a_heading(page: Path) -> None:
    broken = []
    for link in LINK.findall(FENCE.sub("", (ROOT / page).read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            broken.append(link)

    assert broken == []


def test_every_module_that_a_page_names_exists() -> None:
    """Except those of the vendor that is made up as the example."""
    named = {name for page in PAGES for name in MODULE.findall((ROOT / page).read_text("utf-8"))}
    assert [name for name in sorted(named) if "/deskbell/" not in name and not (ROOT / name).exists()] == []


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs/index.md"
    linked = {(index.parent / link).resolve() for link in LINK.findall(index.read_text("utf-8"))}
    pages = {ROOT / page for page in PAGES if page.parts[0] == "docs" and page.parts[1] != "decisions"} - {index}
    assert pages - linked == set()
