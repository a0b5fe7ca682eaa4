from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import junitparser
import pytest

from stomper_sdk.model.finding import Finding
from stomper_sdk.model.result import FileResult, FindingEnd, RunResult
from stomper_sdk.reports import junit_xml

HOSTILE = "<a>&\"']]>\x00\x1b\ufffe\udce9\n\u202e漢😀.py"
SHOWN = "<a>&\"']]>\\x00\\x1b\\ufffe\\udce9\\n\\u202e漢😀.py"

Make = Callable[..., Any]


def suite(result: RunResult) -> Any:
    """The suite, as a parser that others use reads it."""
    (only,) = junitparser.JUnitXml.fromstring(junit_xml(result).encode())
    return only


def verdicts(result: RunResult) -> dict[str, tuple[str, ...]]:
    """By case what is said against it: element, type and message."""
    return {
        case.name: tuple(
            text for each in case.result for text in (type(each).__name__, each.type, each.message) if text
        )
        for case in suite(result)
    }


def test_each_file_is_a_case(mixed: RunResult) -> None:
    assert verdicts(mixed) == {
        "a.py": (),
        "b.py": ("Failure", "partial", "E722 is left"),
        "c.py": ("Failure", "rejected", "test_c failed"),
    }
    cases = {case.name: case for case in suite(mixed)}
    assert cases["c.py"].result[0].text == "c.py:3:8: error: ruff F401: `os` imported but unused"
    assert {case.classname for case in cases.values()} == {"default"}
    assert (cases["a.py"].time, cases["b.py"].time) == (1.2, 0.0)
    assert ElementTree.fromstring(junit_xml(mixed)).find(".//testcase[@file='c.py']") is not None


@pytest.mark.parametrize(
    ("outcome", "statuses", "verdict"),
    [
        ("fixed", (), ()),
        ("fixed", ("fixed",), ()),
        ("fixed", ("new",), ("Failure", "fixed", "why")),
        ("conflict", (), ("Failure", "conflict", "why")),
        ("error", ("remaining",), ("Error", "error", "why")),
        ("skipped", ("skipped",), ("Skipped", "why")),
        ("skipped", ("skipped", "new"), ("Failure", "skipped", "why")),
        ("cancelled", ("remaining",), ("Skipped", "why")),
    ],
)
def test_the_verdict_follows_from_what_became_of_it(
    outcome: Any, statuses: Any, verdict: tuple[str, ...], make_result: Make, make_finding: Make
) -> None:
    findings = tuple(FindingEnd(make_finding(), status) for status in statuses)
    assert verdicts(make_result(files=(FileResult("a.py", outcome, "why"),), findings=findings)) == {
        "a.py": verdict
    }


def test_the_suite_counts_its_cases(make_result: Make) -> None:
    files = [
        FileResult(f"{name}.py", name, "why") for name in ("fixed", "error", "skipped", "unfixed", "rejected")
    ]
    counted = suite(make_result(files=tuple(files)))
    assert (counted.tests, counted.failures, counted.errors, counted.skipped) == (5, 2, 1, 1)
    assert (counted.name, counted.time) == ("default", 4.2)


def test_a_finding_of_no_file_of_the_plan_is_a_failure(make_result: Make, make_finding: Make) -> None:
    result = make_result(findings=(FindingEnd(make_finding("z.py"), "new"),))
    assert verdicts(result) == {"z.py": ("Failure", "unfixed", "1 finding left")}


@pytest.mark.parametrize(("failed", "verdict"), [(False, ()), (True, ("Failure", "tests_failed", "3 of 9"))])
def test_the_tests_at_the_end_are_a_case(failed: bool, verdict: tuple[str, ...], make_result: Make) -> None:
    assert verdicts(make_result(tests="3 of 9", tests_failed=failed)) == {"tests at the end": verdict}


def test_a_run_that_failed_is_not_green(make_result: Make) -> None:
    result = make_result(status="failed", error="ruff crashed")
    assert verdicts(result) == {"the run": ("Error", "failed", "ruff crashed")}


def test_what_xml_forbids_is_shown_as_an_escape(make_result: Make) -> None:
    finding = Finding(HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1)
    result = make_result(
        pipeline=HOSTILE,
        files=(FileResult(HOSTILE, "rejected", HOSTILE),),
        findings=(FindingEnd(finding, "remaining"),),
    )
    root = ElementTree.fromstring(junit_xml(result).encode("ascii"))
    case = root.find(".//testcase")
    assert case is not None
    assert case.get("name") == case.get("file") == SHOWN
    assert case.findtext("failure") == f"{SHOWN}:1: error: {SHOWN} {SHOWN}: {SHOWN}"
