"""Runs of the past: a result read back from its document, which may be damaged, or anybody's.

Nothing in it is taken on trust: what is printed of a result is printed of this one too.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from stomper_sdk.model.evidence import Evidence
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.reading import items, made, mapping, typed
from stomper_sdk.model.result import FileResult, FindingEnd, FindingStatus, RunResult, RunStatus

__all__ = ["PastRun", "PastStatus", "result_from_dict"]

PastStatus = Literal[RunStatus, "running", "died", "broken"]

_COMMIT = re.compile(r"[0-9a-f]{7,64}")


@attrs.frozen
class PastRun:
    """A run by its session; `result` is None where it is at work, died, or its result cannot be read.

    `problem` says in the last case why not, and of one that died what is to be done where that is known.
    """

    session_id: str
    status: PastStatus
    result: RunResult | None = None
    problem: str = ""

    @property
    def started(self) -> str:
        """When it began, in the local time of then: `2026-01-01 12:00:00`."""
        _, day, time, _ = self.session_id.split("-")
        return f"{day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]}:{time[4:]}"


def result_from_dict(document: object) -> RunResult:
    """The result that a document was made of; what a document does not hold, as prompts, stays empty.

    Keys that are not known are left out: a later version may have written them.

    Raises:
        ValueError: it is no document of a result, with the place and what is wrong there.
    """
    run = mapping(document, "the document")
    if run.get("version") != 1:
        raise ValueError(f"its version is {run.get('version')!r:.20}, and 1 is the one that can be read")
    proofs = typed(tuple[Evidence, ...], run.get("evidence", []), "evidence")
    ends = tuple(_end(item, f"findings[{n}]", proofs) for n, item in enumerate(items(run, "findings")))
    files = [mapping(item, f"files[{n}]") for n, item in enumerate(items(run, "files"))]
    result: RunResult = made(RunResult, run, "", files=_files(files, ends), findings=ends)
    named = (*(file.commit for file in result.files), *(end.commit for end in ends))
    for commit in (result.base_commit, result.head_commit, *(proof.commit for proof in proofs), *named):
        if commit is not None and not _COMMIT.fullmatch(commit):
            raise ValueError(f"{commit!r:.50} is no commit")
    return result


def _end(item: object, where: str, proofs: Sequence[Evidence]) -> FindingEnd:
    document = mapping(item, where)
    finding: Finding = made(Finding, document, where)
    looks = {key: _proof(document.get(key), f"{where}.{key}", proofs) for key in ("before", "after")}
    end: FindingEnd = made(FindingEnd, document, where, finding=finding, **looks)
    return end


def _proof(place: object, where: str, proofs: Sequence[Evidence]) -> Evidence | None:
    if place is None:
        return None
    number: int = typed(int, place, where)
    if not 0 <= number < len(proofs):
        raise ValueError(f"{where} is {number}, and there are {len(proofs)} pieces of evidence")
    return proofs[number]


def _files(documents: Sequence[Mapping[str, Any]], ends: Sequence[FindingEnd]) -> tuple[FileResult, ...]:
    found = zip(
        _dealt(documents, ends, "fixed_count", ("fixed",)),
        _dealt(documents, ends, "remaining_count", ("remaining", "skipped")),
        _dealt(documents, ends, "new_count", ("new",)),
        _dealt(documents, ends, "suppressed_count", ("suppressed",)),
        strict=True,
    )
    names = ("fixed", "remaining", "introduced", "suppressed")
    return tuple(
        made(FileResult, document, f"files[{n}]", **dict(zip(names, dealt, strict=True)))
        for n, (document, dealt) in enumerate(zip(documents, found, strict=True))
    )


def _dealt(
    documents: Sequence[Mapping[str, Any]],
    ends: Sequence[FindingEnd],
    key: str,
    statuses: Sequence[FindingStatus],
) -> list[tuple[Finding, ...]]:
    """The findings that each file counts: its own first, then those that it cured or brought elsewhere."""
    left: dict[object, deque[Finding]] = defaultdict(deque)
    for status in statuses:
        for end in ends:
            if end.status == status:
                left[end.finding.path].append(end.finding)
    counts = [typed(int, _count(item, key), f"files[{n}].{key}") for n, item in enumerate(documents)]
    own = []
    for document, count in zip(documents, counts, strict=True):
        mine = left[typed(str, document.get("path"), "path")]
        own.append([mine.popleft() for _ in range(min(count, len(mine)))])
    others = itertools.chain.from_iterable(left.values())
    dealt = [
        (*mine, *itertools.islice(others, min(max(count - len(mine), 0), len(ends))))
        for mine, count in zip(own, counts, strict=True)
    ]
    for n, (found, count) in enumerate(zip(dealt, counts, strict=True)):
        if len(found) != count:
            raise ValueError(f"files[{n}].{key} is {count}, and there are {len(found)} such findings")
    return dealt


def _count(document: Mapping[str, Any], key: str) -> object:
    """A file's count; what an earlier version did not count yet is none."""
    return document.get(key, 0 if key == "suppressed_count" else None)
