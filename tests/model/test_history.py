"""A result comes back from its document as it was; what is no document of ours is refused with its place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stomper_sdk.model.evidence import Evidence
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.history import PastRun, result_from_dict
from stomper_sdk.model.result import Attempt, FileResult, FindingEnd, RunResult
from stomper_sdk.reports import result_text, to_json

PATHS = st.sampled_from(["a.py", "b.py", "c/d.py"])
FINDINGS = st.builds(
    Finding,
    st.sampled_from(["ruff", "mypy"]),
    st.sampled_from(["F401", "E741"]),
    st.text(max_size=5),
    PATHS,
    st.none() | st.integers(1, 9),
    st.none() | st.integers(1, 9),
    st.sampled_from(["error", "warning", "info"]),
)
SEVERAL = st.lists(FINDINGS, max_size=3).map(tuple)
ATTEMPTS = st.builds(
    Attempt,
    st.integers(1, 3),
    st.text(max_size=4),
    st.just("normal"),
    st.sampled_from(["fixed", "guard"]),
    st.floats(0, 9),
    reason=st.none() | st.text(max_size=4),
    prompt=st.text(max_size=4),
    cost_usd=st.none() | st.floats(0, 1),
)
EVIDENCE = st.builds(
    Evidence,
    *(st.sampled_from(["ruff", "mypy"]), st.just(("ruff", "check")), st.integers(0, 1), st.just("1.2.3")),
    digest=st.sampled_from(["c" * 64, "d" * 64]),
    paths=st.none() | st.just(("a.py",)),
    commit=st.none() | st.just("e" * 40),
)
PROOFS = st.fixed_dictionaries(
    {
        "before": st.none() | EVIDENCE,
        "after": st.none() | EVIDENCE,
        "attempt": st.none() | st.integers(1, 3),
        "commit": st.none() | st.just("a" * 40),
        "gone": st.booleans(),
        "reason": st.none() | st.text(max_size=3),
    }
)


@st.composite
def results(draw: Callable[..., Any]) -> RunResult:
    """A run of up to three files, in which a fix may have cured findings of another file."""
    files = tuple(
        FileResult(
            path,
            draw(st.sampled_from(["fixed", "partial", "unfixed", "error"])),
            draw(st.none() | st.text(max_size=5)),
            draw(st.none() | st.just("a" * 40)),
            draw(st.floats(0, 9)),
            fixed=draw(SEVERAL),
            remaining=tuple(Finding("ruff", "X", "m", path) for _ in range(draw(st.integers(0, 2)))),
            introduced=draw(SEVERAL),
            suppressed=draw(SEVERAL),
            attempts=tuple(draw(st.lists(ATTEMPTS, max_size=2))),
        )
        for path in draw(st.lists(PATHS, unique=True))
    )
    ends = [FindingEnd(finding, "fixed") for file in files for finding in file.fixed]
    ends += [FindingEnd(finding, "remaining") for file in files for finding in file.remaining]
    ends += [FindingEnd(finding, "new") for file in files for finding in file.introduced]
    ends += [FindingEnd(finding, "suppressed") for file in files for finding in file.suppressed]
    ends += [FindingEnd(finding, draw(st.sampled_from(["skipped", "new"]))) for finding in draw(SEVERAL)]
    ends = [attrs.evolve(end, **draw(PROOFS)) for end in ends]
    ends.sort(key=lambda end: (end.finding.path, end.finding.line or 0))
    reducers = draw(
        st.dictionaries(st.text(max_size=3), st.lists(st.integers()) | st.floats(0, 1) | st.none())
    )
    return RunResult(
        "stomper-20260101-120000-ab12",
        draw(st.text(max_size=5)),
        ".",
        draw(st.none() | st.just("b" * 40)),
        None,
        draw(st.sampled_from(["completed", "failed"])),
        1,
        draw(st.floats(0, 9)),
        2,
        reducers,
        files,
        tuple(ends),
        notices=tuple(draw(st.lists(st.text(max_size=4), max_size=2))),
    )


@given(results())
@settings(max_examples=60, deadline=None)
def test_a_document_comes_back_as_it_was(result: RunResult) -> None:
    document = json.loads(to_json(result.to_dict()))
    read = result_from_dict(document)
    assert read.to_dict() == document
    assert [file.fixed_count for file in read.files] == [file.fixed_count for file in result.files]
    assert result_text(read) == result_text(result)


def test_a_file_gets_its_own_findings_and_those_that_it_cured_elsewhere() -> None:
    own, cured = Finding("mypy", "x", "m", "b.py"), Finding("mypy", "y", "m", "a.py")
    files = (FileResult("a.py", "skipped"), FileResult("b.py", "fixed", commit="a" * 40, fixed=(own, cured)))
    result = RunResult(
        *("s", "p", ".", None, None, "completed", 0, 0.0, 1, {}, files),
        (FindingEnd(cured, "fixed"), FindingEnd(own, "fixed")),
    )
    assert [file.fixed for file in result_from_dict(result.to_dict()).files] == [(), (own, cured)]


def test_what_a_later_version_adds_is_left_out(mixed: dict[str, Any]) -> None:
    later = {**mixed, "mood": "good", "files": [{**file, "mood": 1} for file in mixed["files"]]}
    assert result_from_dict(later).to_dict() == mixed


def test_what_an_earlier_version_did_not_tell_yet_is_empty(mixed: dict[str, Any]) -> None:
    told = ("gone", "reason", "attempt", "commit", "before", "after")
    earlier = {key: value for key, value in mixed.items() if key != "evidence"}
    earlier["files"] = [{k: v for k, v in it.items() if k != "suppressed_count"} for it in mixed["files"]]
    earlier["findings"] = [{k: v for k, v in it.items() if k not in told} for it in mixed["findings"]]
    assert result_from_dict(earlier).to_dict() == mixed


@pytest.fixture
def mixed() -> dict[str, Any]:
    finding = Finding("ruff", "F401", "unused", "a.py", 1, 8)
    attempt = Attempt(1, "builtin", "minimal", "fixed", 1.0)
    file = FileResult("a.py", "fixed", None, "a" * 40, 1.0, fixed=(finding,), attempts=(attempt,))
    result = RunResult(
        *("stomper-20260101-120000-ab12", "p", ".", "b" * 40, "a" * 40, "completed", 0, 1.0, 1),
        *({"count": 1}, (file,), (FindingEnd(finding, "fixed"),)),
    )
    document: dict[str, Any] = result.to_dict()
    return document


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else []


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("version",), 2, "its version is 2"),
        (("status",), "wonderful", "status is 'wonderful'"),
        (("status",), ["completed"], "status is"),
        (("exit_code",), True, "exit_code is True"),
        (("exit_code",), "0", "exit_code is '0'"),
        (("duration_seconds",), float("inf"), "duration_seconds is inf"),
        (("pipeline",), None, "pipeline is None"),
        (("head_commit",), ";rm -rf", "';rm -rf' is no commit"),
        (("reducers",), [], "reducers is"),
        (("reducers", "count"), nested(60), "reducers.count is nested too deep"),
        (("reducers", "count"), {"x": [float("nan")]}, "reducers.count is nan"),
        (("notices",), ["fine", 1], "notices[1] is 1"),
        (("files",), {}, "files is {}, no list"),
        (("files", 0), 3, "files[0] is 3, no object"),
        (("files", 0, "path"), 3, "path is 3"),
        (("files", 0, "commit"), "\x1b[2J", "'\\x1b[2J' is no commit"),
        (("files", 0, "fixed_count"), 10**30, "files[0].fixed_count is"),
        (("files", 0, "new_count"), -1, "files[0].new_count is -1"),
        (("files", 0, "attempts", 0, "outcome"), "great", "files[0].attempts[0].outcome is 'great'"),
        (("findings", 0, "line"), 1.5, "findings[0].line is 1.5"),
        (("findings", 0, "status"), "gone", "findings[0].status is 'gone'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    place: tuple[Any, ...], value: object, said: str, mixed: dict[str, Any]
) -> None:
    document = copy.deepcopy(mixed)
    inner: Any = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(ValueError) as caught:
        result_from_dict(document)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("document", [None, [], "x", 1, {}, {"version": 1}])
def test_something_else_is_no_result(document: object) -> None:
    with pytest.raises(ValueError):
        result_from_dict(document)


def test_a_run_knows_when_it_began() -> None:
    assert PastRun("stomper-20260102-030405-ab12", "died").started == "2026-01-02 03:04:05"
