"""Results to report on."""

from collections.abc import Callable
from typing import Any

import pytest

from stomper_sdk.model.finding import Finding
from stomper_sdk.model.result import Attempt, FileResult, FindingEnd, RunResult

BASE, HEAD = "0123456789" * 4, "fedcba9876" * 4


@pytest.fixture
def make_finding() -> Callable[..., Finding]:
    def make(path: str = "a.py", code: str = "F401", **fields: Any) -> Finding:
        place = {"line": 3, "column": 8, **fields}
        return Finding("ruff", code, "`os` imported but unused", path, **place)

    return make


@pytest.fixture
def make_result() -> Callable[..., RunResult]:
    def make(**fields: Any) -> RunResult:
        base: dict[str, Any] = {
            "session_id": "stomper-20260101-120000-ab12",
            "pipeline": "default",
            "repo": ".",
            "base_commit": BASE,
            "head_commit": HEAD,
            "status": "completed",
            "exit_code": 0,
            "duration_seconds": 4.2,
            "peak_parallel_files": 4,
            "reducers": {},
            "files": (),
            "findings": (),
        }
        return RunResult(**{**base, **fields})

    return make


@pytest.fixture
def mixed(make_result: Callable[..., RunResult], make_finding: Callable[..., Finding]) -> RunResult:
    """A file that was fixed, one that was fixed in part, and one whose tests broke."""
    fixed, half = make_finding("a.py"), make_finding("b.py", "E741", column=None)
    left, broken = make_finding("b.py", "E722", line=None, column=None), make_finding("c.py")
    tried = Attempt(1, "builtin", "minimal", "tests_failed", 1.0, reason="test_c failed", cost_usd=0.25)
    return make_result(
        exit_code=1,
        reducers={"successful_fixes": ["a.py", "b.py"], "total_errors_fixed": 2},
        files=(
            FileResult("a.py", "fixed", None, "a" * 40, 1.2, fixed=(fixed,), lines_removed=1),
            FileResult("b.py", "partial", "E722 is left", "b" * 40, fixed=(half,), remaining=(left,)),
            FileResult("c.py", "rejected", "test_c failed", remaining=(broken,), attempts=(tried,)),
        ),
        findings=(
            FindingEnd(fixed, "fixed"),
            FindingEnd(half, "fixed"),
            FindingEnd(left, "remaining"),
            FindingEnd(broken, "remaining"),
        ),
        checks={"ruff": "0.9.0"},
        notices=("two files were dirty",),
    )
