"""Looking again at what a run has committed: is its ledger true?"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from stomper_sdk.checks.base import Check
from stomper_sdk.errors import CheckError, StomperError, UsageError
from stomper_sdk.interpreter.rulings import Sight, rule_counts, rule_lines, rule_missing, rule_run, said_of
from stomper_sdk.model.evidence import Evidence, digest_of
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.present import counted
from stomper_sdk.model.result import FileResult, FindingEnd, RunResult
from stomper_sdk.model.verification import Statement, Verification
from stomper_sdk.reducers import resolve_reducers
from stomper_sdk.stages.base import Context
from stomper_sdk.stages.looking import look_everywhere, read_text
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.history import changed_by, commits_between, trailer_of
from stomper_sdk.vcs.repository import Repository, Target
from stomper_sdk.workspaces.base import in_workspace, workspace_name

__all__ = ["verify_result"]


@attrs.frozen
class _Line:
    """The commits from a run's base to its end, oldest first, and what each changes.

    `named` are those that the result names; of them, `gone` are those that are not there any more.
    """

    base: str
    last: str
    chain: tuple[str, ...]
    changed: Mapping[str, frozenset[str]]
    named: frozenset[str]
    gone: frozenset[str]

    @property
    def touched(self) -> frozenset[str]:
        return frozenset().union(*self.changed.values())

    @property
    def foreign(self) -> frozenset[str]:
        """What was changed by commits that the result does not name: the user's, say."""
        return frozenset().union(*(self.changed[commit] for commit in self.chain if commit not in self.named))

    def parent(self, commit: str) -> str:
        return (self.base, *self.chain)[self.chain.index(commit)]


async def verify_result(
    result: RunResult, plan: Plan | None, target: Target, context: Context
) -> Verification:
    """Look at the first and the last commit of a run, and rule on all that its result says.

    Args:
        result: what the run says, which nothing is taken of on trust.
        plan: what its journal says there was to do, None where it did not get that far.
        target: where its commits went.
        context: the run's own pipeline, opened anew.

    Raises:
        StomperError: the base commit is gone, or a check cannot look.
    """
    repository, plan = context.repo(), plan or Plan("", (), (), ())
    line = await in_thread(_line, repository, result)
    unusable = await _unusable(result, context)
    sights = _Sights(attrs.evolve(context, checks=_usable(context.checks, unusable)), result)
    base, last = await sights.at(line.base), await sights.at(line.last)
    known = [end for end in result.findings if not _why_unknown(end, line, unusable)]
    ruled = [await _line_ruled(it, known, line, sights) for it in rule_lines(known, base, last)]
    by_end = {id(it.line): it for it in ruled}
    ledger = (by_end.get(id(end)) or _unknown(end, line, unusable) for end in result.findings)
    commits = await in_thread(lambda: tuple(_commits_ruled(result.files, line, repository)))
    rest = (
        *commits,
        *([] if unusable or line.gone else rule_missing(result.findings, plan, base, last)),
        *_evidence_ruled(known, line, base, last),
        *rule_counts(result),
        *rule_run(result, resolve_reducers(context.pipeline.reducers), len(plan.tasks)),
    )
    notices = await in_thread(lambda: tuple(_strays(result, target, line, repository)))
    return Verification(result.session_id, line.base, line.last, (*ledger, *rest), notices)


@attrs.define
class _Sights:
    """Looks at commits, each once, in workspaces of their own, without any cache of earlier runs."""

    context: Context
    result: RunResult
    _seen: dict[str, Sight] = attrs.field(factory=dict)
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    async def at(self, commit: str) -> Sight:
        if commit not in self._seen:
            self._seen[commit] = await self._look(commit)
        return self._seen[commit]

    async def _look(self, commit: str) -> Sight:
        name = workspace_name(self.context.session.id, f"verify-{next(self._numbers)}")
        async with self.context.lender.lend(name, commit) as workspace:
            cold = workspace.scratch / "none"
            cache = workspace.scratch / "cache"
            checks = self.context.checks
            view = await look_everywhere(checks, self.context, workspace.path, cache, cold, commit)
            findings = tuple(_placeless(finding, workspace.path) for finding in view.findings)
            paths = {finding.path for finding in findings} | {it.finding.path for it in self.result.findings}
            texts = await in_workspace(_texts, workspace.path, paths)
        return Sight(commit, findings, texts)


def _placeless(finding: Finding, root: Path) -> Finding:
    return attrs.evolve(finding, message=finding.message.replace(str(root), "."))


def _texts(root: Path, paths: Collection[str]) -> dict[str, str]:
    return {path: text for path in paths if (text := read_text(root / path)) is not None}


def _line(repository: Repository, result: RunResult) -> _Line:
    """The commits that there still are.

    Raises:
        StomperError: those that a comparison needs are gone.
    """
    named = {file.commit for file in result.files if file.commit}
    there = {name for name in {*named, result.base_commit, result.head_commit} if _exists(repository, name)}
    base, last = result.base_commit, result.head_commit
    for commit in (base, last):
        if commit is None or commit not in there:
            text = f"the commit {commit and commit[:12]} of {result.session_id} is gone"
            raise StomperError(text, "Nothing can be compared any more.")
    assert base is not None and last is not None
    chain = commits_between(repository.root, base, last)
    changed = {commit: changed_by(repository.root, commit) for commit in chain}
    return _Line(base, last, chain, changed, frozenset(named), frozenset(named - there))


def _exists(repository: Repository, name: str | None) -> bool:
    try:
        return name is not None and repository.commit_of(name) == name
    except UsageError:
        return False


async def _unusable(result: RunResult, context: Context) -> Mapping[str, str]:
    """The checks that cannot repeat what they did, each with the reason."""
    versions: dict[str, set[str]] = {name: {version} for name, version in result.checks.items()}
    for end in result.findings:
        for proof in filter(None, (end.before, end.after)):
            versions.setdefault(proof.check, set()).add(proof.version)
    names = {check.name for check in context.checks}
    missing = {name: f"the pipeline has no check {name}" for name in versions.keys() - names}
    for check in context.checks:
        try:
            now = await check.version()
        except CheckError as error:
            missing[check.name] = error.message
        else:
            if others := sorted(versions.get(check.name, set()) - {now}):
                missing[check.name] = f"{check.name} is of version {now} now, and was of {', '.join(others)}"
    return missing


def _usable(checks: Sequence[Check], unusable: Collection[str]) -> tuple[Check, ...]:
    return tuple(check for check in checks if check.name not in unusable)


def _why_unknown(end: FindingEnd, line: _Line, unusable: Mapping[str, str]) -> str:
    if end.finding.check in unusable:
        return unusable[end.finding.check]
    return f"the commit {end.commit[:12]} is gone" if end.commit in line.gone and end.commit else ""


def _unknown(end: FindingEnd, line: _Line, unusable: Mapping[str, str]) -> Statement:
    return Statement(said_of(end), "unknown", _why_unknown(end, line, unusable), end)


async def _line_ruled(
    statement: Statement, known: Sequence[FindingEnd], line: _Line, sights: _Sights
) -> Statement:
    """The ruling on a line, after a closer look where the first and the last commit do not confirm it."""
    end = statement.line
    assert end is not None
    if end.commit is None:
        return _uncommitted(statement, end, line)
    if end.commit not in line.chain:
        return attrs.evolve(statement, ruling="refuted", seen=f"{end.commit[:12]} is no commit of this run")
    if statement.ruling == "confirmed" and end.finding.path in line.changed[end.commit]:
        return statement
    before, after = await sights.at(line.parent(end.commit)), await sights.at(end.commit)
    together = [other for other in known if other.commit == end.commit]
    closer = next(it for it in rule_lines(together, before, after) if it.line is end)
    if closer.ruling == "confirmed" and statement.ruling == "refuted" and end.finding.path in line.foreign:
        seen = f"so it was at {end.commit[:12]}, but {statement.seen}: another commit has changed the file"
        return attrs.evolve(closer, ruling="unknown", seen=seen)
    return closer


def _uncommitted(statement: Statement, end: FindingEnd, line: _Line) -> Statement:
    """What was skipped may have been seen in the user's tree only: then no commit may have touched it."""
    if end.status == "skipped" and not end.gone and end.finding.path not in line.touched:
        return attrs.evolve(statement, ruling="confirmed", seen="")
    if statement.ruling == "refuted" and end.status == "remaining" and end.finding.path in line.foreign:
        seen = f"{statement.seen}; a commit that is none of this run's has changed the file"
        return attrs.evolve(statement, ruling="unknown", seen=seen)
    return statement


def _commits_ruled(files: Sequence[FileResult], line: _Line, repository: Repository) -> Iterator[Statement]:
    for file in files:
        if file.commit is None:
            continue
        said = f"{file.path}: committed as {file.commit[:12]}"
        if file.commit in line.gone:
            yield Statement(said, "unknown", "the commit is gone")
        elif file.commit not in line.chain:
            yield Statement(said, "refuted", f"it does not lead from {line.base[:12]} to {line.last[:12]}")
        elif not _is_of(file.path, file.commit, line, repository):
            paths = ", ".join(sorted(line.changed[file.commit])[:3])
            yield Statement(said, "refuted", f"that commit is of {paths}")
        else:
            yield Statement(said)


def _is_of(path: str, commit: str, line: _Line, repository: Repository) -> bool:
    """Whether a commit is that of a file: it says so, or, where commits say nothing, has changed it."""
    told = trailer_of(repository.root, commit, "Stomper-File")
    return path in (told,) if told and path.isprintable() else path in line.changed[commit]


def _evidence_ruled(ends: Sequence[FindingEnd], line: _Line, base: Sight, last: Sight) -> Iterator[Statement]:
    """Whether the same looks see the same again, of those that were at a tree which there still is."""
    proofs = {proof: end for end in ends for proof in (end.before, end.after) if proof}
    for proof, end in proofs.items():
        sight = _same_tree(proof, end, line, base, last)
        if sight is not None:
            what = "everything" if proof.paths is None else ", ".join(proof.paths[:3])
            said = f"{proof.check} looked at {what} and saw {proof.digest[:12]}"
            now = _digest(proof, sight)
            same = now == proof.digest
            yield Statement(said, "confirmed" if same else "refuted", "" if same else f"it sees {now[:12]}")


def _same_tree(proof: Evidence, end: FindingEnd, line: _Line, base: Sight, last: Sight) -> Sight | None:
    if proof.commit is not None:
        return next((sight for sight in (base, last) if sight.commit == proof.commit), None)
    if proof != end.after or proof.paths is None or end.commit not in line.chain:
        return None
    later = line.chain[line.chain.index(end.commit) + 1 :]
    changed_since = frozenset().union(*(line.changed[commit] for commit in later))
    return None if changed_since.intersection(proof.paths) else last


def _digest(proof: Evidence, sight: Sight) -> str:
    wanted = (it for it in sight.findings if it.check == proof.check)
    return digest_of(it for it in wanted if proof.paths is None or it.path in proof.paths)


def _strays(result: RunResult, target: Target, line: _Line, repository: Repository) -> Iterator[str]:
    """A word on commits that are not where the run has put them; what they hold is verified all the same."""
    made = [file.commit for file in result.files if file.commit and file.commit in line.chain]
    away = [commit for commit in made if not repository.has_reached(target, commit)]
    if away:
        where = target.ref.removeprefix("refs/heads/")
        yield f"{counted(len(away), 'commit')} not in {where} any more, as {away[0][:12]}"
    if line.gone:
        yield f"{counted(len(line.gone), 'commit')} gone from the repository, as {min(line.gone)[:12]}"
