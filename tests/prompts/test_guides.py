"""The repository's own guides: read from the workspace, never from elsewhere, never without end."""

from __future__ import annotations

from pathlib import Path

import pytest

from stomper_sdk.errors import PipelineError
from stomper_sdk.prompts import check_guides, read_guides
from stomper_sdk.prompts.values import Guide


def test_they_are_read_in_the_order_given(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "AGENTS.md").write_text("Prices are in cents.\n")
    (tmp_path / "docs" / "style.md").write_text("Short.\n")
    (tmp_path / "CLAUDE.md").symlink_to("AGENTS.md")
    names = ["docs/style.md", "CLAUDE.md", "gone.md"]
    read = (Guide("docs/style.md", "Short.\n"), Guide("CLAUDE.md", "Prices are in cents.\n"))
    assert read_guides(names, tmp_path) == read
    check_guides(names[:2], tmp_path)


@pytest.mark.parametrize(
    "name", ["../secret", "link", "linked/secret", "loop", "docs", "/etc/passwd", "a\0b"]
)
def test_nothing_outside_is_read(tmp_path: Path, name: str) -> None:
    root = tmp_path / "repo"
    (root / "docs").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "linked").symlink_to(tmp_path)
    (root / "loop").symlink_to("loop")
    assert read_guides([name], root) == ()
    with pytest.raises(PipelineError, match=r"prompt\.guides\[0\]: there is no file"):
        check_guides([name], root)


def test_a_long_one_is_cut_and_what_is_no_text_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "long.md").write_text("line\n" * 100_000)
    (tmp_path / "odd.md").write_bytes(b"a\xffb")
    long, odd = read_guides(["long.md", "odd.md"], tmp_path)
    assert len(long.text) < 20_100 and "[... cut: " in long.text
    assert odd.text == "a\ufffdb"


def test_the_nearest_name_is_offered(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").write_text("")
    with pytest.raises(
        PipelineError, match=r"no file 'AGENT\.md' in the repository \(did you mean 'AGENTS\.md'"
    ):
        check_guides(["AGENT.md"], tmp_path)
