from collections.abc import Callable
from typing import Any

import pytest

from stomper_sdk.model.finding import Finding
from stomper_sdk.model.forecast import Forecast, Span
from stomper_sdk.model.pipeline import AgentSpec, Pipeline
from stomper_sdk.model.plan import FileTask, Plan, Skipped
from stomper_sdk.model.price import Spending
from stomper_sdk.model.result import FileResult, FindingEnd, RunResult
from stomper_sdk.reports import file_line, plan_text, result_text

HOSTILE = "evil\x1b[31m\u202egnp.\nfixed    other.py"


def test_one_line_for_a_fixed_file(make_finding: Callable[..., Finding]) -> None:
    file = FileResult("src/a.py", "fixed", duration_seconds=1.2, fixed=(make_finding(),) * 3)
    assert file_line(file) == "fixed    src/a.py  3 fixed  1.2 s"


def test_one_line_for_a_failed_file_gives_the_reason() -> None:
    file = FileResult("a.py", "rejected", "2 tests\nfailed", duration_seconds=72)
    assert file_line(file) == "rejected a.py  1:12 min  2 tests failed"


def test_a_name_cannot_forge_a_line() -> None:
    line = file_line(FileResult(HOSTILE, "error", HOSTILE))
    assert line.isprintable()
    assert "evil\\x1b[31m\\u202egnp.\\nfixed" in line


def test_the_summary_tells_all(mixed: RunResult) -> None:
    assert result_text(mixed, 80).splitlines() == [
        "stomper-20260101-120000-ab12: default completed after 4.2 s",
        "  files     1 fixed, 1 partial, 1 rejected",
        "  findings  2 fixed, 2 left",
        "  commits   aaaaaaa bbbbbbb",
        "",
        "  successful_fixes    2: a.py, b.py",
        "  total_errors_fixed  2",
        "",
        "Not fixed",
        "  c.py: rejected: test_c failed",
        "",
        "Notices",
        "  two files were dirty",
        "",
        "Next",
        "  git log --oneline 0123456..fedcba9",
        "  git show aaaaaaa",
    ]


def test_a_notice_that_was_seen_is_not_said_again(mixed: RunResult) -> None:
    assert "dirty" not in result_text(mixed, 80, hidden=frozenset({"two files were dirty"}))


@pytest.mark.parametrize("width", [80, 40])
def test_the_summary_fits(
    width: int, make_result: Callable[..., RunResult], make_finding: Callable[..., Finding]
) -> None:
    files = [
        FileResult(f"m{number}.py", "rejected", "the tests of it failed " * 4, f"{number:040}")
        for number in range(30)
    ]
    reducers = {"failed": [file.path for file in files], "mean": 1.23456, "none": None, "by": {"F401": 3}}
    ends = tuple(FindingEnd(make_finding(file.path), "new") for file in files)
    result = make_result(files=files, reducers=reducers, notices=("a word " * 30,), findings=ends)
    text, _, steps = result_text(result, width).partition("\nNext\n")
    assert max(map(len, text.splitlines())) <= width
    assert "and 20 more" in text
    assert "  failed  30: m0.py, " in text
    assert "  mean    1.23\n" in text
    assert "  findings  0 fixed, 30 new" in text
    assert steps.startswith("  git log")


def test_a_run_without_commits_names_no_next_step(make_result: Callable[..., RunResult]) -> None:
    text = result_text(make_result(status="failed", error="ruff crashed", exit_code=3))
    assert "Next" not in text
    assert "nothing to do" in text
    assert text.endswith("Error\n  ruff crashed")


def test_the_next_step_names_another_repository(
    mixed: RunResult, make_result: Callable[..., RunResult]
) -> None:
    text = result_text(make_result(repo="my repo", files=mixed.files))
    assert "git -C 'my repo' show aaaaaaa" in text


def test_the_plan_for_people(make_finding: Callable[..., Finding]) -> None:
    findings = (make_finding(), make_finding(code="E741"), make_finding())
    plan = Plan("abcdefgh", (FileTask(0, "a.py", findings),), (Skipped("b.py", "dirty", findings[:1]),), ())
    pipeline = Pipeline("default", (), agents=(AgentSpec("builtin", "ruff-fix"),))
    assert plan_text(plan, pipeline).splitlines() == [
        "Plan of default: 1 file, 3 findings",
        "  agents    builtin (ruff-fix)",
        "  codes     E741 1, F401 2",
        "  base      abcdefg",
        "  forecast  none: too little was learned yet",
        "",
        "To fix",
        "  a.py  E741 1, F401 2",
        "",
        "Left alone",
        "  b.py  dirty (1 finding)",
    ]


def test_an_empty_plan_says_so(make_finding: Callable[..., Finding]) -> None:
    text = plan_text(Plan("abc", (), (), ()), Pipeline("default", ()))
    assert text.splitlines() == ["Plan of default: 0 files, 0 findings", "  base      abc"]


def test_what_was_left_alone_is_told_with_its_reason(make_result: Callable[..., RunResult]) -> None:
    left = FileResult("a.py", "skipped", "git does not track it yet")
    assert "a.py: skipped: git does not track it yet" in result_text(make_result(files=(left,)))


def test_what_was_spent_is_told_as_far_as_it_is_known(make_result: Callable[..., RunResult]) -> None:
    def told(*spent: Any) -> list[str]:
        text = result_text(make_result(spent=Spending(*spent)))
        return [line.strip() for line in text.splitlines() if "spent" in line]

    assert told() == []
    assert told(None, None, None, 3, 3) == []
    assert told(1000, 234, 0.12) == ["spent     1,234 tokens, $0.12"]
    assert told(1000, 234, None, 0, 2) == ["spent     1,234 tokens"]
    assert told(1000, 234, 0.12, 1, 2) == [
        "spent     1,234 tokens, $0.12; 1 attempt told no tokens; 2 attempts told no",
    ]


def test_a_forecast_is_told_as_ranges(make_finding: Callable[..., Finding]) -> None:
    forecast = Forecast(50, 40, Span(10.4, 12.6), Span(61, 90.4), Span(800.2, 1200), Span(0.01, 0.0312))
    plan = Plan("abc", (FileTask(0, "a.py", (make_finding(),)),), (), (), forecast=forecast)
    text = " ".join(plan_text(plan, Pipeline("default", ())).split())
    told = "10 to 13 attempts, 800 to 1,200 tokens, $0.01 to $0.0312, 1:01 min to 1:30 min"
    assert f"forecast {told} (from 50 attempts)" in text
