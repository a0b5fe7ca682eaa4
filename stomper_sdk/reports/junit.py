"""A run as JUnit XML, which GitLab, Jenkins and others show as tests: a file is a test case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import attrs

from stomper_sdk.model.present import counted, one_line, visible
from stomper_sdk.model.result import FAILED, FileResult, FindingEnd, RunResult

__all__ = ["junit_xml"]

_Verdict = Literal["failure", "error", "skipped"]
_Left = Mapping[str, Sequence[FindingEnd]]


@attrs.frozen
class _Case:
    """A test case; without a verdict it has passed. `kind` is the type of a failure."""

    name: str
    verdict: _Verdict | None = None
    kind: str = ""
    message: str = ""
    details: tuple[str, ...] = ()
    seconds: float = 0.0
    path: str | None = None


def junit_xml(result: RunResult) -> str:
    """The document, in ASCII: one suite, with a case for each file, and for tests and errors of the run."""
    cases = tuple(_cases(result))
    root = Element("testsuites")
    suite = SubElement(root, "testsuite", name=one_line(result.pipeline), tests=str(len(cases)))
    for verdict, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.verdict == verdict for case in cases)))
    suite.set("time", _time(result.duration_seconds))
    for case in cases:
        _write(suite, case, result.pipeline)
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="us-ascii", xml_declaration=True)
    return document.decode("ascii")


def _cases(result: RunResult) -> Iterator[_Case]:
    left: dict[str, list[FindingEnd]] = defaultdict(list)
    for end in result.findings:
        if end.is_left:
            left[end.finding.path].append(end)
    yield from (_of_file(file, left.pop(file.path, ())) for file in result.files)
    yield from (_of_file(FileResult(path, "unfixed"), ends) for path, ends in left.items())
    if result.tests is not None:
        verdict: _Verdict | None = "failure" if result.tests_failed else None
        yield _Case("tests at the end", verdict, "tests_failed", result.tests)
    if result.error:
        yield _Case("the run", "error", result.status, result.error)


def _of_file(file: FileResult, left: Sequence[FindingEnd]) -> _Case:
    return _Case(
        name=file.path,
        verdict=_verdict(file, left),
        kind=file.outcome,
        message=file.reason or f"{counted(len(left), 'finding')} left",
        details=tuple(_line(end) for end in left),
        seconds=file.duration_seconds,
        path=file.path,
    )


def _verdict(file: FileResult, left: Sequence[FindingEnd]) -> _Verdict | None:
    if file.outcome == "error":
        return "error"
    if file.outcome in ("skipped", "cancelled") and not any(end.status == "new" for end in left):
        return "skipped"
    return "failure" if left or file.outcome in FAILED else None


def _line(end: FindingEnd) -> str:
    finding = end.finding
    return f"{finding.location}: {finding.severity}: {finding.check} {finding.code}: {finding.message}"


def _write(suite: Element, case: _Case, pipeline: str) -> None:
    """Add a case. What XML 1.0 forbids is not printable, so it stands there as an escape."""
    place = {} if case.path is None else {"file": visible(case.path)}
    said = {"name": visible(case.name), "classname": one_line(pipeline), "time": _time(case.seconds)}
    element = SubElement(suite, "testcase", {**said, **place})
    if case.verdict is None:
        return
    kind = {} if case.verdict == "skipped" else {"type": case.kind}
    verdict = SubElement(element, case.verdict, {"message": one_line(case.message), **kind})
    if case.details:
        verdict.text = "\n".join(visible(line) for line in case.details)


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"
