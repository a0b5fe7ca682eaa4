from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from stomper_sdk.checks.sarif_log import read_log
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.result import FindingEnd
from stomper_sdk.reports import sarif_log, to_json

AWKWARD = ("a b.py", "ü/漢.py", "a#b?c%20.py", "a:b.py", "caf\udce9.py", "line\nfeed.py", "[x]&;=+,.py")

Make = Callable[..., Any]


def found(log: Any) -> list[tuple[Any, ...]]:
    """The results as our own check reads them, paths relative to the tree."""
    root = Path("/tree")
    return [
        (
            str(Path(str(result.path)).relative_to(root)),
            *attrs.astuple(result)[:3],
            result.line,
            result.column,
        )
        for result in read_log(to_json(log).encode("ascii"), root)
    ]


@pytest.mark.parametrize("path", AWKWARD)
@pytest.mark.parametrize("severity", ["error", "warning", "info"])
def test_a_finding_comes_back_as_it_was(path: str, severity: Any, make_result: Make) -> None:
    finding = Finding("mine", "A,1", "100% wrong: {0}", path, 3, 8, severity)
    log = sarif_log(make_result(findings=(FindingEnd(finding, "remaining"),)))
    # The reader has a replacement character for what is no UTF-8.
    read = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    assert found(log) == [(read, "A,1", "100% wrong: {0}", severity, 3, 8)]


@pytest.mark.parametrize(
    ("line", "column", "read"), [(None, None, (None, None)), (2, None, (2, None)), (2, 0, (2, None))]
)
def test_a_place_that_is_not_known_is_not_made_up(
    line: int | None, column: int | None, read: Any, make_result: Make, make_finding: Make
) -> None:
    log = sarif_log(make_result(findings=(FindingEnd(make_finding(line=line, column=column), "new"),)))
    assert found(log)[0][-2:] == read


def test_every_check_has_its_run(make_result: Make, make_finding: Make) -> None:
    other = Finding("mypy", "arg-type", "no", "b.py", 1)
    findings = (
        *(FindingEnd(make_finding(code=code), "remaining") for code in ("F401", "E741", "F401")),
        FindingEnd(make_finding(code="F811"), "fixed"),
        FindingEnd(make_finding(code="F821"), "skipped", gone=True),
        FindingEnd(make_finding(code="W605"), "skipped"),
        FindingEnd(other, "new"),
    )
    runs = sarif_log(make_result(findings=findings, checks={"ruff": "0.9.0", "pytest": "8"}))["runs"]
    drivers = [run["tool"]["driver"] for run in runs]
    assert [(driver["name"], driver.get("version")) for driver in drivers] == [
        ("mypy", None),
        ("pytest", "8"),
        ("ruff", "0.9.0"),
    ]
    assert runs[1]["results"] == []
    ruff = runs[2]
    assert [rule["id"] for rule in ruff["tool"]["driver"]["rules"]] == ["E741", "F401", "W605"]
    told = [
        (result["ruleId"], result["ruleIndex"], result["properties"]["status"]) for result in ruff["results"]
    ]
    assert told == [
        ("F401", 1, "remaining"),
        ("E741", 0, "remaining"),
        ("F401", 1, "remaining"),
        ("W605", 2, "skipped"),
    ]
    assert runs[0]["results"][0]["properties"]["status"] == "new"
    assert len({run["automationDetails"]["id"] for run in runs}) == len(runs)


def test_a_fingerprint_does_not_move_with_its_line(make_result: Make, make_finding: Make) -> None:
    def prints(*findings: Finding) -> list[str]:
        log = sarif_log(make_result(findings=tuple(FindingEnd(finding, "remaining") for finding in findings)))
        results = log["runs"][0]["results"]
        return [result["partialFingerprints"]["stomperFingerprint/v1"] for result in results]

    finding = make_finding(text="import os", scope="def f():")
    first, second = prints(finding, attrs.evolve(finding, line=7))
    assert first != second
    assert prints(attrs.evolve(finding, line=90, column=1)) == [first]
    assert prints(attrs.evolve(finding, line=90), attrs.evolve(finding, line=99)) == [first, second]
    assert prints(attrs.evolve(finding, text="import re")) != [first]


def test_a_run_that_failed_is_not_taken_for_clean(make_result: Make) -> None:
    log = sarif_log(make_result(status="failed", exit_code=3, error="mypy crashed", checks={"ruff": "0.9.0"}))
    with pytest.raises(ValueError, match="the tool says that it failed: mypy crashed"):
        found(log)


def test_a_run_without_checks_is_an_empty_log(make_result: Make) -> None:
    assert json.loads(to_json(sarif_log(make_result())))["runs"] == []
