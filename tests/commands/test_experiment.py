"""`experiment` and `experiments`: a declared experiment from the command line, and what it tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import stomper_sdk
from stomper_sdk.cli import main
from stomper_sdk.config import load_schema
from stomper_sdk.console.experiment import experiment_text
from stomper_sdk.reports.layout import columns_of
from tests.laboratory.conftest import drops, files

Captured = pytest.CaptureFixture[str]
HEAD = "version: 1\noverrides: {test_validation.mode: none, retry.max_attempts: 1}\n"
ONE = 'agents.builtin: {use: command, run: [sed, -i, "/^import os$/d", "{file}"]}'
TWO = f"{HEAD}variants:\n  all: {{}}\n  one:\n    {ONE}\n"
BROKEN = TWO + '  broken:\n    agents.builtin: {use: command, run: ["false"]}\n'
#: A module whose agent presses Ctrl-C, so often, when it is first asked.
PRESSES = """
import os, signal
left = {0}
def fix(task):
    global left
    while left:
        left -= 1
        os.kill(os.getpid(), signal.SIGINT)
    place = task.workspace / task.path
    place.write_text(place.read_text().replace("import os\\n", ""))
"""


@pytest.fixture
def user(make_checkout: Callable[..., Any], at: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    made = make_checkout(files(8))
    monkeypatch.chdir(made.root)
    monkeypatch.setenv("COLUMNS", "120")
    return made


@pytest.fixture
def declared(tmp_path: Path) -> Callable[[str], str]:
    """Writes the declaration, and gives the path of its file."""

    def write(text: str) -> str:
        (tmp_path / "levels.yaml").write_text(text)
        return str(tmp_path / "levels.yaml")

    return write


def checked(text: str) -> dict[str, Any]:
    """The document, which its schema knows."""
    document: dict[str, Any] = json.loads(text)
    Draft202012Validator(load_schema("experiment-result")).validate(document)
    return document


def test_an_experiment_is_carried_out_and_told(
    user: Any, declared: Callable[[str], str], capsys: Captured
) -> None:
    before = user.head, user.status

    assert main(["experiment", declared(TWO), "--output", "json", "--repeats", "2"]) == 0

    out, err = capsys.readouterr()
    document = checked(out)
    assert (user.head, user.status) == before
    assert user.leftovers() == []
    assert (document["name"], document["status"], document["repeats"]) == ("levels", "completed", 2)
    rates = {it["name"]: (it["total"]["fixed"], it["total"]["findings"]) for it in document["variants"]}
    assert rates == {"all": (16, 16), "one": (8, 16)}
    assert [it["measure"] for it in document["comparisons"]] == ["fixed", "seconds"]
    table = [" ".join(line.split()) for line in err.partition("\nvariant ")[2].splitlines()]
    assert [row[:24] for row in table[1:3]] == ["all 16 of 16 81 to 100 %", "one 8 of 16 28 to 72 % 8"]
    assert "  all fixes 50.0 points more than one: 95 % interval" in err
    assert "all  4 of 4 runs  32 of 32 findings fixed  completed\n" in err

    assert main(["experiments", "show", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == document


def test_a_variant_that_fails_is_told_as_failed_and_never_as_zero(
    user: Any, declared: Callable[[str], str], capsys: Captured
) -> None:
    assert main(["experiment", declared(BROKEN), "--output", "json", "--report", "found.html"]) == 1

    out, err = capsys.readouterr()
    assert "its agent failed at every file" in Path("found.html").read_text()
    broken = checked(out)["variants"][2]
    assert (broken["status"], broken["total"], broken["files"]) == ("failed", None, [])
    assert "broken failed: its agent failed at every file" in err
    assert "\nbroken (failed)\n" in err
    assert "--resume experiment-" in err

    assert main(["experiment", declared(BROKEN), "-q"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("broken failed: its agent failed at every file")


@pytest.mark.parametrize(("presses", "files_that_end"), [(1, True), (2, False)])
def test_an_interrupt_drains_then_cancels_and_the_experiment_goes_on(
    user: Any,
    declared: Callable[[str], str],
    capsys: Captured,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    presses: int,
    files_that_end: bool,
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"presses{presses}.py").write_text(PRESSES.replace("{0}", str(presses)))
    agent = f"{{agents.builtin: {{use: python, call: 'presses{presses}:fix'}}}}"
    file = declared(f"{HEAD}variants:\n  all: {{}}\n  hand: {agent}\n")

    assert main(["experiment", file, "-j", "1", "--output", "json"]) == 130

    out, err = capsys.readouterr()
    stopped = checked(out)
    assert stopped["status"] == "cancelled"
    assert "; press Ctrl-C again to cancel\n" in err
    assert f"stomper-sdk experiment {file} --resume {stopped['id']}\n" in err
    assert user.leftovers() == []

    assert main(["experiment", file, "--resume", "-j", "1", "--output", "json"]) == 0
    done = checked(capsys.readouterr().out)
    assert (done["id"], done["status"]) == (stopped["id"], "completed")
    assert [it["total"]["rate"] for it in done["variants"]] == [1.0, 0.5]


PAID = """
from stomper_sdk import AgentReply
def fix(task):
    place = task.workspace / task.path
    place.write_text(place.read_text().replace("import os\\n", ""))
    return AgentReply(tokens_in=100, tokens_out=0)
"""


def test_a_budget_stops_it_and_with_more_it_goes_on(
    user: Any,
    declared: Callable[[str], str],
    capsys: Captured,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "paid_agent.py").write_text(PAID)
    agent = "agents.builtin: {use: python, call: 'paid_agent:fix'}"
    file = declared(
        f"{HEAD.replace('{', '{budget.tokens: 900, ')}variants:\n  a: {{{agent}}}\n"
        f"  b: {{{agent}, guard.max_changed_lines: 9}}\n"
    )
    assert main(["experiment", file, "-j", "1", "--output", "json"]) == 4
    out, err = capsys.readouterr()
    stopped = checked(out)
    assert (stopped["status"], stopped["spent"]["tokens_in"]) == ("stopped", 900)
    assert "stopped: budget.tokens is used up: 900 tokens of 900 tokens" in err
    assert f"experiment {file} --resume {stopped['id']} --set budget.tokens=MORE\n" in err

    more = ["--resume", "--set", "budget.tokens=5000", "--output", "json"]
    assert main(["experiment", file, "-j", "1", *more]) == 0
    out, err = capsys.readouterr()
    assert [it["total"]["tokens"] for it in checked(out)["variants"]] == [800, 800]
    assert "MORE" not in err


def test_a_sequential_one_tells_each_look_and_the_last(
    user: Any, declared: Callable[[str], str], capsys: Captured
) -> None:
    nothing = 'agents.builtin: {use: command, run: ["true"]}'
    user.commit(files(40))
    file = declared(f"{HEAD}stop: sequential\nvariants:\n  all: {{}}\n  nothing: {{{nothing}}}\n")
    assert main(["experiment", file, "--output", "json"]) == 0
    out, err = capsys.readouterr()
    document = checked(out)
    assert document["status"] == "decided"
    assert [it["look"] for it in document["decisions"]] == [*range(1, len(document["decisions"]) + 1)]
    assert document["decisions"][-1]["different"] is True
    assert f"\nFixed findings\n  {document['decisions'][-1]['text'][:30]}" in err
    assert "(unfinished)" not in err
    assert "--resume" not in err


def test_an_interrupt_before_anything_was_tried(
    user: Any, declared: Callable[[str], str], capsys: Captured
) -> None:
    check = """{use: regex, command: [sh, -c, "kill -INT $PPID"], pattern: '(?P<path>x):(?P<line>1)'}"""
    file = declared(f"{TWO}pipeline:\n  extends: default\n  checks: {{presses: {check}}}\n")
    assert main(["experiment", file]) == 130
    assert capsys.readouterr().err.endswith("stomper-sdk: interrupted\n")
    assert user.leftovers() == []


def test_what_would_be_tried_is_shown_and_nothing_is_tried(
    user: Any, declared: Callable[[str], str], capsys: Captured
) -> None:
    file = declared(f"{TWO}repeats: 3\nsample: 5\n")
    assert main(["experiment", file, "--dry-run"]) == 0
    assert [line.strip() for line in capsys.readouterr().err.splitlines() if line] == [
        "levels would try 2 variants x 3 on 5 of 16 findings in 5 files, in 6 runs",
        "Variants",
        "all: the pipeline as it is",
        'one: agents.builtin={"use": "command", "run": ["sed", "-i", "/^import os$/d", "{file}"]}',
        "Findings",
        "F401: 5",
    ]
    assert main(["experiment", file, "--dry-run", "--output", "json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (document["finding_count"], document["available"], document["runs"], err) == (5, 16, 6, "")
    assert sum(document["files"].values()) == 5
    assert [it["name"] for it in document["variants"]] == ["all", "one"]
    assert user.leftovers() == []
    assert not (user.root / ".stomper" / "experiments").exists()

    assert main(["experiment", file, "--dry-run", "--resume"]) == 2
    assert "--resume is for what is tried, and --dry-run tries nothing" in capsys.readouterr().err


def test_what_is_gone_on_with_must_be_the_same_and_what_is_not_is_said(
    user: Any, declared: Callable[[str], str], capsys: Captured
) -> None:
    assert main(["experiment", declared(BROKEN), "-q"]) == 1
    capsys.readouterr()
    other = BROKEN.replace("broken", "new").replace("import os", "import re") + "seed: 3\n"
    narrowed = f"{BROKEN}codes: [F401, F811]\nagainst: all\n"
    assert main(["experiment", declared(narrowed), "--resume"]) == 2
    said = "began with: against is all, and was none; codes is F401, F811, and was all\nUndo"
    assert said in capsys.readouterr().err
    assert main(["experiment", declared(other), "--resume"]) == 2
    said = "began with: seed is 3, and was 0; variant one is changed; variant new is new"
    assert said in capsys.readouterr().err


def test_options_win_over_the_file(user: Any, declared: Callable[[str], str], capsys: Captured) -> None:
    file = declared(f"{TWO}sample: 3\nseed: 1\n")
    options = ["--sample", "99", "--seed", "5", "--set", "guard.max_changed_lines=1", "-q"]
    assert main(["experiment", file, *options, "--output", "json"]) == 0
    out, err = capsys.readouterr()
    document = checked(out)
    assert err == ""
    assert (document["sample"], document["available"], document["seed"]) == (99, 16, 5)
    assert document["notices"] == ["sample: 99 findings were wanted, and there are 16: all were taken"]
    assert [it["total"]["rate"] for it in document["variants"]] == [0.0, 0.5]
    assert [it["total"]["guard_rejections"] for it in document["variants"]] == [8, 0]


def test_what_past_experiments_found(user: Any, declared: Callable[[str], str], capsys: Captured) -> None:
    assert main(["experiments"]) == 0
    assert capsys.readouterr().err == "no experiments yet\n"
    assert main(["experiments", "show"]) == 2
    assert "there are no experiments in" in capsys.readouterr().err

    main(["experiment", declared(TWO), "-q"])
    assert main(["experiments", "list"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["experiment", "name", "status", "variants", "findings", "time"]
    assert row.split()[1:5] == ["levels", "completed", "2", "16"]
    assert main(["experiments", "list", "--output", "json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)["experiments"]
    assert (listed["status"], listed["variants"], listed["findings"]) == ("completed", 2, 16)

    assert main(["experiments", "show", listed["id"], "-v"]) == 0
    shown = capsys.readouterr().out
    assert f"{listed['id']} completed: levels: 2 variants on 16 findings in 8 files" in shown
    assert "\none, by file\n" in shown
    assert "\nTime\n  " in shown

    assert main(["experiments", "show", "--report", "found.html"]) == 0
    assert "<html" in Path("found.html").read_text()

    assert main(["experiments", "show", "nothing"]) == 2
    assert f"there is no experiment 'nothing'\nThe newest are: {listed['id']}." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["experiment"], "which experiment?\nName its file: stomper-sdk experiment FILE"),
        (["experiment", "list"], "Past ones: stomper-sdk experiments list"),
        (["experiment", "no.yaml"], "no.yaml: there is no such file"),
        (["experiment", "levels.yaml", "--repeats", "0"], "repeats is 0: it must be 1 or more"),
        (["experiment", "levels.yaml", "--seed", "-1"], "seed is -1: it must be 0 or more"),
        (["experiment", "levels.yaml", "--sample", "x"], "--sample: expected a whole number, got 'x'"),
        (["experiment", "levels.yaml", "--set", "retry.max=1"], "override retry.max: retry.max: unknown key"),
        (["experiment", "both.yaml", "-j", "2"], "parallelism.max_parallel_files is set for all variants"),
        (["experiment", "levels.yaml", "--report", "no/x.html"], "--report: no/x.html cannot be written"),
        (["experiments", "shwo"], "Did you mean 'show'?"),
    ],
)
def test_what_nobody_can_mean_is_told_before_anything_runs(
    user: Any,
    declared: Callable[[str], str],
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(Path(declared(TWO)).parent)
    Path("both.yaml").write_text(f"{HEAD}matrix: {{parallelism.max_parallel_files: [1, 2]}}\n")
    assert main([*arguments, *(["--repo", str(user.root)] if "shwo" not in arguments else [])]) == 2
    assert said in capsys.readouterr().err
    assert not (user.root / ".stomper").exists()


def test_of_many_pairs_those_are_told_that_differ(user: Any) -> None:
    user.commit(files(16))
    variants: dict[str, dict[str, Any]] = {f"v{n}": {"guard.max_changed_lines": 100 + n} for n in range(5)}
    found = stomper_sdk.experiment(
        "default",
        variants={**variants, "none": {"agents.builtin": drops([])}},
        overrides={"test_validation.mode": "none", "retry.max_attempts": 1},
        repo=user.root,
    )
    told = experiment_text(found, 500).partition("\nFixed findings\n")[2].splitlines()
    assert [f"  v{n} fixes 100.0 points more than none" for n in range(5)] == [it[:38] for it in told[:5]]
    assert told[10] == "  and 5 more pairs, none with a difference; --output json has them all"


def test_the_table_fits_any_terminal_and_a_name_in_it_is_not_obeyed(user: Any) -> None:
    found = stomper_sdk.experiment(
        "default",
        variants={"a name that is longer than a column would be wide": {}, "\x1b[2J\u202e": {}},
        overrides={"test_validation.mode": "none", "agents.builtin.format": True},
        agents={"builtin": drops(["import os"])},
        repo=user.root,
    )
    for width in (40, 80, 120):
        text = experiment_text(found, width)
        lines = text.partition("\nGo on")[0].splitlines()
        assert max(map(columns_of, lines)) <= width
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert all(word in text for word in ("8 of 16", "28 to 72 %"))


def test_a_report_is_written_now_or_of_a_past_one(
    user: Any, declared: Callable[[str], str], capsys: Captured, tmp_path: Path
) -> None:
    now, later = tmp_path / "now.html", tmp_path / "later.html"
    assert main(["experiment", declared(BROKEN), "--report", str(now), "-q"]) == 1
    assert "broken failed: " in now.read_text()
    assert ">one</td>" in now.read_text()
    assert main(["experiments", "show", "--report", str(later), "--output", "json"]) == 0
    assert later.read_text() == now.read_text()
    capsys.readouterr()
    for command in (["experiment", declared(TWO)], ["experiments", "show"]):
        assert main([*command, "--report", str(tmp_path / "no" / "report.html")]) == 2
        assert "--report: " in capsys.readouterr().err
    assert len(list((user.root / ".stomper" / "experiments").iterdir())) == 1
