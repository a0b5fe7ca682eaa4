"""`stats`: what was learned, told to people and to programs, and carried elsewhere."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

import stomper_sdk
from stomper_sdk.cli import main
from stomper_sdk.learning import Lesson, open_store
from stomper_sdk.model.file import CodeTally
from stomper_sdk.model.learned import interval

Captured = pytest.CaptureFixture[str]


def lesson(number: int, **changes: Any) -> Lesson:
    base = Lesson(
        key=f"{number:040x}",
        when=1_767_268_800.0 + number,
        session=f"stomper-20260101-120000-ab{number % 2:02}",
        number=1,
        round=1,
        agent="cheap",
        kind="chat",
        model="m",
        level="minimal",
        outcome="fixed",
        failure=None,
        seconds=2.0,
        tokens_in=90,
        tokens_out=10,
        cost_usd=0.01,
        lines=10,
        findings=4,
        suffix=".py",
        codes=(CodeTally("ruff", "F401", 3, 3), CodeTally("ruff", "C901", 1, 0)),
    )
    return attrs.evolve(base, **changes)


@pytest.fixture
def repo(make_checkout: Callable[..., Any], at: Path) -> Any:
    """A checkout with forty attempts in its history."""
    made = make_checkout({"a.py": ""})
    told = [lesson(number) for number in range(38)]
    told += [lesson(38, agent="strong", level="detailed", codes=(CodeTally("mypy", "arg-type", 1, 1),))]
    told += [lesson(39, outcome="agent_error", failure="quota")]
    fill(made.root, told)
    return made


def fill(root: Path, told: list[Lesson]) -> None:
    state = root / ".stomper"
    state.mkdir(exist_ok=True)
    store = open_store(state)
    assert store is not None
    store.add(told)
    store.close()


def test_rates_are_told_with_their_uncertainty(
    repo: Any, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["stats", "--repo", str(repo.root)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "39 attempts in 2 runs, 2026-01-01 to 2026-01-01"
    assert "code tried fixed rate 95 % attempts time tokens/fix USD/fix" in lines
    assert "F401 (ruff) 114 114 100% 97% to 100% 38 1.5 s 25 0.0025" in lines
    assert "C901 (ruff) 38 0 0% 0% to 9% 38 0.5 s" in lines
    assert "cheap 152 114 75% 68% to 81% 38 2.0 s 33 0.0033" in lines
    assert "strong 1 1 100% 21% to 100% 1 2.0 s 100 0.0100" in lines
    assert "minimal 152 114 75% 68% to 81% 38 2.0 s 33 0.0033" in lines
    assert "Hard: surely less than half is fixed: C901" in lines
    assert "Easy: surely more than four in five are fixed: F401" in lines
    choice = r"F401, cheap: minimal in \d+% of files; minimal \d+% of F401 expected \(114 tried\), .*"
    assert any(re.fullmatch(choice, line) for line in lines)


@pytest.mark.parametrize("columns", [40, 80])
def test_a_narrow_terminal_is_kept_to(
    columns: int, repo: Any, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["stats", "--repo", str(repo.root)]) == 0
    assert all(len(line) <= columns for line in capsys.readouterr().out.splitlines())


def test_json_is_one_document_with_the_same_figures(repo: Any, capsys: Captured) -> None:
    assert main(["stats", "--repo", str(repo.root), "--output", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == stomper_sdk.stats(repo.root).to_dict()
    first = document["codes"][0]
    assert (first["check"], first["code"], first["tried"], first["fixed"]) == ("ruff", "F401", 114, 114)
    assert first["tokens"] == pytest.approx(38 * 75)
    assert 0.96 < first["low"] < first["rate"] == first["high"] == 1.0
    assert document["hard"] == [{"check": "ruff", "code": "C901"}]
    (strong,) = [it for it in document["preferences"] if it["agent"] == "strong"]
    assert (strong["check"], strong["code"]) == ("mypy", "arg-type")


@pytest.mark.parametrize(
    ("options", "codes", "attempts"),
    [
        (["--check", "mypy"], ["arg-type"], 1),
        (["--code", "C901", "--code", "arg-type"], ["C901", "arg-type"], 39),
        (["--agent", "strong"], ["arg-type"], 1),
        (["--agent", "nobody"], [], 0),
    ],
)
def test_it_can_be_narrowed(
    options: list[str], codes: list[str], attempts: int, repo: Any, capsys: Captured
) -> None:
    assert main(["stats", "--repo", str(repo.root), "--output", "json", *options]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [it["code"] for it in document["codes"]] == codes
    assert document["attempts"] == attempts


def test_where_nothing_is_learned_it_says_so_and_makes_nothing(
    make_checkout: Callable[..., Any], capsys: Captured
) -> None:
    repo = make_checkout({"a.py": ""})
    assert main(["stats", "--repo", str(repo.root)]) == 0
    assert capsys.readouterr().err == "nothing is learned yet\n"
    assert main(["stats", "--repo", str(repo.root), "--code", "F401"]) == 0
    assert capsys.readouterr().err == "nothing is learned yet of what was asked for\n"
    assert not (repo.root / ".stomper").exists()
    assert repr(stomper_sdk.stats(repo.root)) == "<Learned nothing is learned yet>"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("damaged", "is damaged"),
        ("newer", "of a newer version of stomper_sdk (9, this one knows 1)"),
        ("tracked", "git tracks .stomper"),
    ],
)
def test_what_cannot_be_read_or_believed_is_said_with_exit_code_3(
    what: str, said: str, repo: Any, capsys: Captured
) -> None:
    path = repo.root / ".stomper" / "history.sqlite3"
    if what == "damaged":
        path.write_bytes(path.read_bytes()[:5000] + b"\xff" * 9000)
    elif what == "newer":
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 9")
        connection.close()
    else:
        repo.git("add", "--force", str(path))
    before = path.read_bytes()
    assert main(["stats", "--repo", str(repo.root)]) == 3
    out, err = capsys.readouterr()
    assert said in " ".join(err.split())
    assert (out, "Traceback" in err) == ("", False)
    assert path.read_bytes() == before


def test_what_was_exported_is_imported_once(
    repo: Any, make_checkout: Callable[..., Any], at: Path, capsys: Captured
) -> None:
    other = make_checkout({"a.py": ""}, "other")
    assert main(["stats", "--repo", str(repo.root), "--export", "told.jsonl"]) == 0
    assert capsys.readouterr().err == "40 attempts written to told.jsonl\n"
    assert sorted(path.name for path in at.iterdir() if path.is_file()) == ["told.jsonl"]
    for added, known in ((40, 0), (0, 40)):
        assert main(["stats", "--repo", str(other.root), "--import", "told.jsonl"]) == 0
        said = f"{added} attempts added, {known} known before"
        assert capsys.readouterr().err.strip() == said
    assert stomper_sdk.stats(other.root) == stomper_sdk.stats(repo.root)
    assert other.status == ""


def test_what_is_known_stays_as_it_is(repo: Any, at: Path) -> None:
    stomper_sdk.api.export_history("told.jsonl", repo.root)
    fill(repo.root, [lesson(0, outcome="rejected", codes=(CodeTally("ruff", "F401", 3, 0),))])
    before = stomper_sdk.stats(repo.root)
    assert stomper_sdk.api.import_history("told.jsonl", repo.root).added == 0
    assert stomper_sdk.stats(repo.root) == before


BAD = (
    "not json at all",
    "[1, 2]",
    '{"version": 1}',
    '{"version": "1"}',
    "[" * 100_000,
    *(
        json.dumps({"version": 1, **attrs.asdict(lesson(99)), **change})
        for change in (
            {"key": "short"},
            {"seconds": -1.0},
            {"seconds": "1"},
            {"tokens_in": 10**400},
            {"agent": "x" * 1000},
            {"agent": "\u001b[31mred"},
            {"codes": [{"check": "ruff", "code": "F401", "tried": 1, "fixed": 2}]},
            {"codes": None},
        )
    ),
)


def test_damaged_lines_are_left_out_and_told_by_their_numbers(
    repo: Any, make_checkout: Callable[..., Any], at: Path, capsys: Captured
) -> None:
    other = make_checkout({"a.py": ""}, "other")
    stomper_sdk.api.export_history("told.jsonl", repo.root)
    good = Path("told.jsonl").read_text().splitlines()[:2]
    for bad in BAD:
        Path("told.jsonl").write_text("\n".join([good[0], bad, good[1], ""]))
        assert main(["stats", "--repo", str(other.root), "--import", "told.jsonl"]) == 1, bad
        assert "since they are no attempts: lines 2 of told.jsonl" in capsys.readouterr().err, bad
    assert stomper_sdk.stats(other.root).attempts == 2


def test_a_newer_export_is_refused_whole(
    repo: Any, make_checkout: Callable[..., Any], at: Path, capsys: Captured
) -> None:
    other = make_checkout({"a.py": ""}, "other")
    stomper_sdk.api.export_history("told.jsonl", repo.root)
    lines = Path("told.jsonl").read_text().splitlines()
    lines[5] = lines[5].replace('"version":1', '"version":2')
    Path("told.jsonl").write_text("\n".join(lines))
    assert main(["stats", "--repo", str(other.root), "--import", "told.jsonl"]) == 3
    assert "told.jsonl:6 is of a newer version of stomper_sdk" in " ".join(capsys.readouterr().err.split())
    assert stomper_sdk.stats(other.root).attempts == 0


def test_files_that_cannot_be_read_or_written_are_told(repo: Any, at: Path, capsys: Captured) -> None:
    assert main(["stats", "--repo", str(repo.root), "--import", "missing.jsonl"]) == 2
    assert "missing.jsonl cannot be read: No such file" in capsys.readouterr().err
    assert main(["stats", "--repo", str(repo.root), "--export", "no/such/folder.jsonl"]) == 3
    assert "cannot be written: No such file" in capsys.readouterr().err
    assert main(["stats", "--repo", str(repo.root), "--export", "a", "--import", "b"]) == 2


@pytest.mark.parametrize(
    ("fixed", "tried", "low", "high"),
    [(0, 0, 0, 1), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (15, 148, 0.0624, 0.1605), (1, 1, 0.2065, 1)],
)
def test_intervals_are_those_of_wilson(fixed: int, tried: int, low: float, high: float) -> None:
    """15 of 148: Newcombe, Statistics in Medicine 17, 1998, table I, method 3."""
    assert interval(fixed, tried) == pytest.approx((low, high), abs=5e-5)
