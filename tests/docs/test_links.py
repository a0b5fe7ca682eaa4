"""Links between pages, to their headings and to files lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCES = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The names that a forge gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCES.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCES.sub("", page.read_text())):
        if not re.match(r"https?://", target):
            name, _, anchor = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            assert file.is_relative_to(ROOT) and file.exists(), target
            assert not anchor or anchor in anchors(file), target


def test_every_page_is_linked_from_the_first_one_which_is_linked_from_the_readme() -> None:
    first = ROOT / "docs" / "index.md"
    assert first in linked(ROOT / "README.md")
    assert set((ROOT / "docs").rglob("*.md")) <= {first, *linked(first)}


def linked(page: Path) -> set[Path]:
    return {(page.parent / name).resolve() for name in LINK.findall(page.read_text())}
