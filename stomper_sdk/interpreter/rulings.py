"""A ledger against what checks see at two commits: pure comparisons, each statement ruled on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import attrs

from stomper_sdk.model.finding import Finding, compare, enclose
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.present import counted, plain
from stomper_sdk.model.result import FAILED, FileResult, FindingEnd, FindingStatus, RunResult
from stomper_sdk.model.verification import Statement
from stomper_sdk.reducers import Reducer, reduce_results
from stomper_sdk.stages.silencing import told_apart

__all__ = ["Sight", "rule_counts", "rule_lines", "rule_missing", "rule_run", "said_of"]


_FIXED: frozenset[FindingStatus] = frozenset({"fixed"})
_SUPPRESSED: frozenset[FindingStatus] = frozenset({"suppressed"})
_BY_COMMIT = _FIXED | _SUPPRESSED
_NEW: frozenset[FindingStatus] = frozenset({"new"})
_STAYING: frozenset[FindingStatus] = frozenset({"remaining", "skipped"})


@attrs.frozen
class Sight:
    """What the checks see at a commit, and the text of the files that they speak of, by path."""

    commit: str
    findings: tuple[Finding, ...]
    texts: Mapping[str, str] = attrs.field(repr=False)


def said_of(end: FindingEnd) -> str:
    """A line of the ledger in words: `fixed a.py:1:8 F401`."""
    return f"{end.status} {end.finding.location} {end.finding.code}"


def rule_lines(ends: Sequence[FindingEnd], base: Sight, last: Sight) -> list[Statement]:
    """Rule on each line, in order, by what is seen at the base commit and at the last one."""
    delta = compare(base.findings, last.findings, base.texts, last.texts)
    delta = told_apart(delta, base.texts, last.texts)
    shown: list[Statement | None] = [None] * len(ends)
    for statuses, seen, sight in (
        (_FIXED, delta.fixed, base),
        (_SUPPRESSED, delta.suppressed, base),
        (_NEW, delta.introduced, last),
        (_STAYING, last.findings, last),
    ):
        places = [place for place, end in enumerate(ends) if end.status in statuses]
        found = _found([ends[place].finding for place in places], seen, sight)
        for place, there in zip(places, found, strict=True):
            shown[place] = _ruled(ends[place], there, base, last)
    return [statement for statement in shown if statement is not None]


def _found(findings: Sequence[Finding], seen: Sequence[Finding], sight: Sight) -> list[bool]:
    """Whether each of some findings is among those seen, each of which is taken once."""
    told = enclose((attrs.evolve(finding, scope="", text="") for finding in findings), sight.texts)
    kept = Counter(compare(told, seen, sight.texts, sight.texts).kept)
    return [_take(kept, finding) for finding in told]


def _is_at(sight: Sight, finding: Finding) -> bool:
    path = finding.path
    texts = {path: sight.texts[path]} if path in sight.texts else {}
    near = [it for it in sight.findings if it.path == path]
    return _found([finding], near, Sight(sight.commit, (), texts))[0]


def _take(left: Counter[Finding], finding: Finding) -> bool:
    left[finding] -= 1
    return left[finding] >= 0


def _ruled(end: FindingEnd, there: bool, base: Sight, last: Sight) -> Statement:
    said = said_of(end)
    if end.status in _BY_COMMIT and end.commit is None:
        return Statement(said, "refuted", "no commit is named that would have done it", end)
    if end.gone and there:
        return Statement(said, "refuted", f"still reported at {last.commit[:12]}", end)
    if there or end.gone:
        return Statement(said, line=end)
    if end.status == "skipped":
        return Statement(said, "unknown", "it was seen in a tree that is not kept", end)
    if end.status in _BY_COMMIT:
        return Statement(said, "refuted", _instead(end, base, last), end)
    if end.status == "new" and _is_at(last, end.finding):
        return Statement(said, "refuted", f"reported at {base.commit[:12]} already", end)
    return Statement(said, "refuted", f"not reported at {last.commit[:12]}", end)


def _instead(end: FindingEnd, base: Sight, last: Sight) -> str:
    """What is seen where a finding should be gone by a commit, in one way or the other."""
    if _is_at(last, end.finding):
        return f"still reported at {last.commit[:12]}"
    if not _is_at(base, end.finding):
        return f"not reported at {base.commit[:12]}"
    return "suppressed, not fixed" if end.status == "fixed" else "nothing that silences it was added"


def rule_missing(ends: Sequence[FindingEnd], plan: Plan, base: Sight, last: Sight) -> Iterator[Statement]:
    """What the ledger must tell of and does not: what was planned, and what is new."""
    told = [end.finding for end in ends if end.status != "new"]
    skips = [finding for skipped in plan.skipped for finding in skipped.findings]
    seen = [*(finding for task in plan.tasks for finding in task.findings), *skips]
    # What is gone is told as it was at first, what is left as it is at last.
    gone = [end.finding for end in ends if end.status in ("fixed", "suppressed") or end.gone]
    left = [end.finding for end in ends if end.status in ("remaining", "skipped") and not end.gone]
    unsettled = compare(seen, gone, base.texts, base.texts).fixed
    missing = compare(unsettled, left, base.texts, last.texts).fixed
    new = compare(base.findings, last.findings, base.texts, last.texts).introduced
    untold = compare(new, [end.finding for end in ends if end.status == "new"], last.texts, last.texts).fixed
    left_alone = [end.finding for end in ends if end.status == "skipped" and not end.gone]
    for finding in compare(left_alone, skips, last.texts, last.texts).fixed:
        said = f"skipped {finding.location} {finding.code}"
        yield Statement(said, "refuted", "the run had planned to fix it")
    if missing or len(seen) != len(told):
        text = f"the run planned {len(seen)}, and the ledger tells of {len(told)}"
        yield Statement("every finding is in the ledger", "refuted", text)
    for finding in untold:
        said = f"nothing is new but what the ledger tells: {finding.location} {finding.code}"
        yield Statement(said, "refuted", f"it is new at {last.commit[:12]}")


def rule_counts(result: RunResult) -> Iterator[Statement]:
    """Whether the files' counts are those of the ledger's lines."""
    by_commit = Counter((end.commit, end.status) for end in result.findings if end.commit)
    for file in result.files:
        for status, count in _counts(file).items():
            lines = by_commit[file.commit, status] if file.commit else 0
            said = f"{file.path}: {counted(count, 'finding')} {status}"
            if count != lines:
                yield Statement(said, "refuted", f"the ledger has {lines} of its commit")
            elif count:
                yield Statement(said)
    left = sum(end.status in ("remaining", "skipped") and not end.gone for end in result.findings)
    claimed = sum(file.remaining_count for file in result.files)
    if claimed > left:
        yield Statement(f"{counted(claimed, 'finding')} left", "refuted", f"the ledger has {left}")


def _counts(file: FileResult) -> Mapping[FindingStatus, int]:
    return {"fixed": file.fixed_count, "suppressed": file.suppressed_count, "new": file.new_count}


def rule_run(result: RunResult, reducers: Sequence[Reducer], planned: int) -> Iterator[Statement]:
    """Whether the reducers and the exit code follow from the rest; `planned` files were folded."""
    # What the pipeline's own stages left is not in the document.
    known = [it for it in reducers if it.source != "notes" and it.name in result.reducers]
    for name, value in reduce_results(known, result.files[:planned]).items():
        same = plain(value) == plain(result.reducers[name])
        seen = "" if same else f"the files give {plain(value)}"
        yield Statement(
            f"{name}: {plain(result.reducers[name])}"[:200], "confirmed" if same else "refuted", seen
        )
    if result.status == "completed":
        failed = any(file.outcome in FAILED for file in result.files)
        code = 1 if failed or result.tests_failed or any(end.is_left for end in result.findings) else 0
        seen = "" if code == result.exit_code else f"from the ledger follows {code}"
        yield Statement(f"exit code {result.exit_code}", "refuted" if seen else "confirmed", seen)
