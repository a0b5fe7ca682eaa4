from collections.abc import Callable
from typing import Any

import pytest

from stomper_sdk.model.finding import Finding
from stomper_sdk.model.result import FileResult, FindingEnd, RunResult
from stomper_sdk.reports import FailLevel, exit_code_at

LEVELS: tuple[FailLevel, ...] = ("none", "error", "warning", "any")

Left = Callable[..., tuple[FindingEnd, ...]]


@pytest.fixture
def left(make_finding: Callable[..., Finding]) -> Left:
    """A finding of that severity that ended so."""

    def make(severity: str, status: Any = "remaining", gone: bool = False) -> tuple[FindingEnd, ...]:
        return (FindingEnd(make_finding(severity=severity), status, gone),)

    return make


def codes(result: RunResult) -> tuple[int, ...]:
    return tuple(exit_code_at(result, level) for level in LEVELS)


@pytest.mark.parametrize("status", ["remaining", "new", "skipped"])
@pytest.mark.parametrize(
    ("severity", "expected"),
    [("info", (0, 0, 0, 1)), ("warning", (0, 0, 1, 1)), ("error", (0, 1, 1, 1))],
)
def test_what_is_left_counts_from_its_severity_on(
    severity: str, expected: tuple[int, ...], status: str, left: Left, make_result: Callable[..., RunResult]
) -> None:
    assert codes(make_result(exit_code=1, findings=left(severity, status))) == expected


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("error", (1, 1, 1, 1)),
        ("conflict", (1, 1, 1, 1)),
        ("rejected", (0, 0, 1, 1)),
        ("unfixed", (0, 0, 1, 1)),
        ("partial", (0, 0, 1, 1)),
        ("skipped", (0, 0, 1, 1)),
    ],
)
def test_a_file_that_nobody_could_work_on_counts_at_every_level(
    outcome: Any, expected: tuple[int, ...], left: Left, make_result: Callable[..., RunResult]
) -> None:
    files = (FileResult("a.py", outcome),)
    assert codes(make_result(exit_code=1, files=files, findings=left("warning"))) == expected


def test_tests_that_fail_at_the_end_count_at_every_level(make_result: Callable[..., RunResult]) -> None:
    assert codes(make_result(exit_code=1, tests="1 failed", tests_failed=True)) == (1, 1, 1, 1)


@pytest.mark.parametrize(("status", "gone"), [("fixed", False), ("skipped", True)])
def test_what_is_not_there_any_more_does_not_count(
    status: str, gone: bool, left: Left, make_result: Callable[..., RunResult]
) -> None:
    findings = (*left("error", status, gone), *left("info"))
    assert codes(make_result(exit_code=1, findings=findings)) == (0, 0, 0, 1)


@pytest.mark.parametrize("code", [0, 2, 3, 4, 130])
def test_no_other_code_is_changed(code: int, left: Left, make_result: Callable[..., RunResult]) -> None:
    result = make_result(exit_code=code, findings=left("error"), tests_failed=True)
    assert codes(result) == (code,) * len(LEVELS)
