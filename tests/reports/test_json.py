import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import jsonschema
import pytest

from stomper_sdk.config import shipped_dir
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.plan import FileTask, Plan, Skipped
from stomper_sdk.model.result import FileResult, FindingEnd, RunResult
from stomper_sdk.reports import plan_to_dict, to_dict, to_json

DOCUMENTED = (
    *("version", "session_id", "pipeline", "repo", "base_commit", "head_commit", "status", "exit_code"),
    *("duration_seconds", "peak_parallel_files", "reducers", "files", "findings", "evidence", "tiers"),
)
DOCUMENTED_FILE = (
    *("path", "outcome", "reason", "commit", "duration_seconds", "fixed_count", "remaining_count"),
    *("new_count", "suppressed_count", "lines_added", "lines_removed", "tests", "attempts"),
)
DOCUMENTED_ATTEMPT = (
    *("number", "agent", "level", "why", "outcome", "failure", "reason", "duration_seconds"),
    *("fixed_count", "remaining_count", "new_count", "suppressed_count"),
    *("used", "codes"),
    *("model", "turns", "tokens_in", "tokens_out", "cost_usd"),
)
DOCUMENTED_FINDING = (
    *("check", "code", "path", "line", "column", "severity", "message"),
    *("status", "gone", "reason", "attempt", "commit", "before", "after"),
)


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads((shipped_dir("schema") / "result.schema.json").read_text())


def check(document: object, schema: Any) -> None:
    jsonschema.Draft202012Validator(schema).validate(json.loads(to_json(document)))  # type: ignore[arg-type]


def test_the_keys_stand_in_the_documented_order(mixed: RunResult) -> None:
    document = to_dict(mixed)
    assert tuple(document)[: len(DOCUMENTED)] == DOCUMENTED
    assert tuple(document["files"][0]) == DOCUMENTED_FILE
    assert tuple(document["files"][2]["attempts"][0]) == DOCUMENTED_ATTEMPT
    assert tuple(document["findings"][0]) == DOCUMENTED_FINDING


def test_the_document_says_what_happened(mixed: RunResult) -> None:
    document = to_dict(mixed)
    assert [file["outcome"] for file in document["files"]] == ["fixed", "partial", "rejected"]
    assert document["files"][1]["remaining_count"] == 1
    assert document["reducers"] == {"successful_fixes": ["a.py", "b.py"], "total_errors_fixed": 2}
    assert document == mixed.to_dict()


@pytest.mark.parametrize("status", ["completed", "stopped", "cancelled", "failed"])
def test_every_end_of_a_run_satisfies_the_schema(
    status: str, make_result: Callable[..., RunResult], schema: Any
) -> None:
    check(to_dict(make_result(status=status, base_commit=None, head_commit=None, error="no")), schema)


def test_a_mixed_result_satisfies_the_schema(mixed: RunResult, schema: Any) -> None:
    check(to_dict(mixed), schema)


def test_the_schema_refuses_an_unknown_key(mixed: RunResult, schema: Any) -> None:
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        check({**to_dict(mixed), "surprise": 1}, schema)


def test_the_schema_describes_every_key(schema: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [name for name, part in _properties(schema) if not part.get("description")] == []


def _properties(part: Any) -> Iterator[tuple[str, Any]]:
    for name, each in part.get("properties", {}).items():
        yield name, each
        yield from _properties(each)
    for definition in part.get("$defs", {}).values():
        yield from _properties(definition)


def test_whatever_a_reducer_returns_becomes_plain(
    make_result: Callable[..., RunResult], make_finding: Callable[..., Finding]
) -> None:
    values = {
        "nan": math.nan,
        "worst": [math.inf, -math.inf, 1.5],
        "set": {"b", "a"},
        "pairs": {1: (2, 3)},
        "path": PurePosixPath("a/b"),
        "findings": [make_finding()],
        "bytes": b"x",
    }
    reducers = json.loads(to_json(to_dict(make_result(reducers=values))))["reducers"]
    assert reducers["nan"] is None
    assert reducers["worst"] == [None, None, 1.5]
    assert reducers["set"] == ["a", "b"]
    assert reducers["pairs"] == {"1": [2, 3]}
    assert reducers["path"] == "a/b"
    assert reducers["findings"][0]["code"] == "F401"
    assert reducers["bytes"] == "b'x'"


def test_a_name_that_is_not_utf8_comes_through_and_back(
    make_result: Callable[..., RunResult], make_finding: Callable[..., Finding], tmp_path: Path, schema: Any
) -> None:
    name = b"caf\xe9.py".decode("utf-8", "surrogateescape")
    finding = make_finding(name)
    result = make_result(
        files=(FileResult(name, "error", "boom"),), findings=(FindingEnd(finding, "remaining"),)
    )
    (tmp_path / "out.json").write_text(to_json(to_dict(result)), encoding="ascii")
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert document["files"][0]["path"] == name
    check(document, schema)


def test_the_document_of_a_plan(make_finding: Callable[..., Finding]) -> None:
    finding = make_finding()
    plan = Plan(
        "abc", (FileTask(0, "a.py", (finding,)),), (Skipped("b.py", "dirty", ()),), (finding,), ("hm",)
    )
    document = plan_to_dict(plan, "default")
    assert json.loads(to_json(document)) == {
        "version": 1,
        "pipeline": "default",
        "base_commit": "abc",
        "files": [
            {
                "path": "a.py",
                "findings": [
                    {
                        "check": "ruff",
                        "code": "F401",
                        "path": "a.py",
                        "line": 3,
                        "column": 8,
                        "severity": "error",
                        "message": "`os` imported but unused",
                    }
                ],
            }
        ],
        "skipped": [{"path": "b.py", "reason": "dirty", "findings": []}],
        "notices": ["hm"],
        "forecast": None,
    }
