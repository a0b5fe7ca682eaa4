"""`runs list` and `runs show` on a terminal: the same as on a pipe, in tables, bars and a timeline."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

import stomper_sdk
from stomper_sdk.cli import main
from stomper_sdk.model.span import WHOLE, Span
from stomper_sdk.reports.timeline import lettered

if TYPE_CHECKING:
    from tests.conftest import Checkout

Captured = pytest.CaptureFixture[str]
HOSTILE = "[red]\x1b[2J\u202e.py"
COLOR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def user(make_checkout: Callable[..., Checkout], at: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A checkout in which one run was made, seen on a terminal of 120 columns."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    made = make_checkout({"a.py": "import os\n", HOSTILE: "import os\n\nprint(undefined)\n"})
    stomper_sdk.run("ruff", repo=made.root)
    monkeypatch.chdir(made.root)
    return made


def shown(capsys: Captured, *words: str) -> str:
    capsys.readouterr()
    assert main(["runs", *words]) == 0
    return capsys.readouterr().out


def test_the_list_is_a_table_where_it_has_room(
    user: Checkout, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = shown(capsys, "list")
    assert "\x1b[32mcompleted" in out
    header, _, row = COLOR.sub("", out).splitlines()
    assert header.split() == [
        "session",
        "started",
        "pipeline",
        "status",
        "files",
        "fixed",
        "left",
        "commits",
        "time",
    ]
    assert "1 of 2" in row
    monkeypatch.setenv("COLUMNS", "60")
    narrow = COLOR.sub("", shown(capsys, "list"))
    assert "1 of 2 files fixed; 2 findings fixed, 1 left" in " ".join(narrow.split())
    assert max(map(len, narrow.splitlines())) <= 60


def test_a_broken_run_is_told_under_the_table(user: Checkout, capsys: Captured) -> None:
    [session] = (user.root / ".stomper" / "sessions").iterdir()
    (session / "result.json").write_text("\x1b[2J")
    out = COLOR.sub("", shown(capsys, "list"))
    assert f"{session.name}: Expecting value" in out
    assert "broken" in out


def test_a_run_is_shown_with_bars_and_a_timeline(user: Checkout, capsys: Captured) -> None:
    out = COLOR.sub("", shown(capsys, "show"))
    summary, _, drawn = out.partition("\nOutcomes\n")
    assert "findings  2 fixed, 1 left" in summary
    assert "git log --oneline" in summary
    bars, _, timeline = drawn.partition("\nTimeline\n")
    assert re.search(r"(?m)^ +fixed +1 +█+$", bars)
    assert re.search(r"(?m)^F401 +2 +█+ *$", bars)
    assert re.search(r"(?m)^F821 +1 +█+ *$", bars)
    assert re.match(r" +1  [ a-z.]+\n", timeline)
    assert "c create_worktree" in timeline
    assert "at most 2 files at once" in timeline


def test_files_and_findings_are_tables_on_demand(user: Checkout, capsys: Captured) -> None:
    out = COLOR.sub("", shown(capsys, "show", "--by-file", "--findings", "-v"))
    cells = [line.split() for line in out.splitlines()]
    assert ["fixed", "a.py", "1"] in [row[:3] for row in cells]
    assert any(row[:3] == ["try", "1,", "builtin,"] for row in cells)
    assert ["remaining", r"[red]\x1b[2J\u202e.py:2:7", "F821"] in [row[:3] for row in cells]


@pytest.mark.parametrize("columns", [20, 40, 80, 100])
def test_every_width_is_kept_and_no_name_obeyed(
    columns: int, user: Checkout, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    out = COLOR.sub("", shown(capsys, "show", "--by-file", "--findings", "-v"))
    assert not set(out) & {"\x1b", "\u202e"}
    lines = [line for line in out.splitlines() if "git " not in line]  # which is to be copied
    assert max(map(cell_len, lines)) <= max(columns, 30)


def test_colours_are_left_out_where_nobody_wants_them(
    user: Checkout, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    for words in (("list",), ("show", "--by-file", "--findings")):
        assert not re.search(r"\x1b\[(\d+;)*[34]\d", shown(capsys, *words))
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in shown(capsys, "show")
    assert "Timeline" not in shown(capsys, "show")


def test_a_place_has_the_letter_of_the_stage_that_took_most_of_it() -> None:
    spans = (
        *(Span("a", WHOLE, 0, 8), Span("a", "call", 0, 4.4), Span("a", "check", 4.4, 6)),
        *(Span("b", WHOLE, 2, 10), Span("b", "call", 2, 4), Span("b", "check", 6, 10), Span(None, "x", 0, 1)),
    )
    drawn = lettered(spans, 10)
    assert drawn.lanes == ("cccchh..  ", "  cc..hhhh")
    assert drawn.letters == {"call": "c", "check": "h", "waiting": "."}
    assert lettered((), 10).lanes == ()
