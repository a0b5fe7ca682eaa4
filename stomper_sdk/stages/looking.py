"""How checks look at a workspace: at the files that a fix can have changed, with caches of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import attrs
import trio

from stomper_sdk.checks.base import Check, Look, Tree
from stomper_sdk.errors import alone
from stomper_sdk.model.evidence import View, digest_of
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.present import hide
from stomper_sdk.sandbox import Sandbox
from stomper_sdk.stages.base import Context
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.workspaces.base import Workspace

__all__ = ["findings_of", "look_at", "look_everywhere", "read_text", "relevant"]

#: The caches that hold in another folder too: what they keep goes by relative paths and content.
_MOVABLE = ("mypy",)
_LONG_AGO = 1_000_000_000


def findings_of(check: Check, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.check == check.name)


def relevant(path: str, context: Context) -> tuple[Finding, ...]:
    """The base commit's findings that a look at a file must be compared with."""
    assert context.plan is not None
    project = [check.name for check in context.checks if check.scope == "project"]
    own = context.plan.baseline_of([path])
    if not project:
        return own
    others = (finding for finding in context.plan.baseline if finding.check in project)
    return (*(finding for finding in own if finding.check not in project), *others)


async def look_everywhere(
    checks: Sequence[Check],
    context: Context,
    root: Path,
    cache: Path,
    warm: Path,
    commit: str | None = None,
    *,
    publish: bool = False,
    confined: bool = True,
) -> View:
    """Everything that some checks see in a tree.

    Args:
        checks: the checks to ask.
        context: what the run works with.
        root: the tree's top.
        cache: a folder for their caches, this look's own.
        warm: the caches of an earlier look, to start from.
        commit: the commit whose tree it is, if it is one's as it is.
        publish: leave this look's caches there for later ones; the tree is a workspace then.
        confined: shut them in as the pipeline says; the user's own tree is no place that agents write in.
    """
    if publish and _slow(checks):
        await in_thread(_age, root)
    if _slow(checks):
        await in_thread(_seed, warm, cache)
    tree = await in_thread(_tree, root, cache, context.sandbox if confined else None)
    view = await _look(checks, tree, None, commit, context.pipeline.secrets)
    if publish and _slow(checks):
        await in_thread(_publish, cache, warm)
    return view


async def look_at(
    workspace: Workspace, context: Context, paths: Sequence[str], commit: str | None = None
) -> View:
    """What the checks see in some files, and those of scope `project` in all files; see `look_everywhere`."""
    present = await in_thread(_regular, workspace.path, paths)
    cache = workspace.scratch / "cache"
    if _slow(context.checks):
        await in_thread(_seed_afresh, context.warm, cache)
    tree = await in_thread(_tree, workspace.path, cache, context.sandbox)
    return await _look(context.checks, tree, present, commit, context.pipeline.secrets)


def _tree(root: Path, cache: Path, sandbox: Sandbox | None) -> Tree:
    if sandbox is None:
        return Tree(root, cache)
    cache.mkdir(parents=True, exist_ok=True)
    return Tree(root, cache, confinement=sandbox.around(root, cache))


def _slow(checks: Iterable[Check]) -> bool:
    """Whether a check reads the whole project, so that a cache is worth the copying."""
    return any(check.scope == "project" for check in checks)


async def _look(
    checks: Sequence[Check],
    tree: Tree,
    paths: Sequence[str] | None,
    commit: str | None,
    secrets: Collection[str],
) -> View:
    looks: dict[str, Look] = {}

    async def one(check: Check) -> None:
        covered = None if paths is None else [path for path in paths if check.covers(path)]
        if covered is None or covered or check.scope == "project":
            look = await check.look(tree, covered)
            asked = None if covered is None or check.scope == "project" else tuple(covered)
            told = attrs.evolve(look, findings=_without_secrets(look.findings, secrets))
            looks[check.name] = await in_thread(_proven, told, tree, asked, commit)

    with alone():
        async with trio.open_nursery() as nursery:
            for check in checks:
                nursery.start_soon(one, check)
    seen = [looks[check.name] for check in checks if check.name in looks]
    findings = tuple(finding for look in seen for finding in look.findings)
    return View(findings, tuple(look.evidence for look in seen))


def _proven(look: Look, tree: Tree, paths: tuple[str, ...] | None, commit: str | None) -> Look:
    """A look whose evidence is whole, and the same wherever the tree lies."""
    root, cache = str(tree.root), str(tree.cache)
    command = tuple(word.replace(cache, "<cache>").replace(root, ".") for word in look.evidence.command)
    digest = digest_of(look.findings, root)
    evidence = attrs.evolve(look.evidence, command=command, digest=digest, paths=paths, commit=commit)
    return Look(look.findings, evidence)


def _without_secrets(findings: tuple[Finding, ...], secrets: Collection[str]) -> tuple[Finding, ...]:
    """A tool may print what it was given in the environment."""
    if not any(secret in finding.message for secret in secrets for finding in findings):
        return findings
    return tuple(attrs.evolve(finding, message=hide(finding.message, secrets)) for finding in findings)


def read_text(path: Path) -> str | None:
    """A file's text; None where there is no regular file, so that no link is followed out of a workspace."""
    if path.is_symlink() or not path.is_file():
        return None
    return path.read_text(encoding="utf-8", errors="replace")


def _regular(root: Path, paths: Sequence[str]) -> list[str]:
    return [path for path in paths if (root / path).is_file() and not (root / path).is_symlink()]


def _seed(warm: Path, cache: Path) -> None:
    """Start from an earlier look's caches, so that a type checker reads again only what changed."""
    for name in _MOVABLE:
        if (warm / name).is_dir() and not (cache / name).exists():
            # Another run may be replacing it at this moment: then this look starts cold.
            with contextlib.suppress(OSError, shutil.Error):
                shutil.copytree(warm / name, cache / name)


def _seed_afresh(warm: Path, cache: Path) -> None:
    """Forget what earlier looks in a workspace kept: see `_age`."""
    for name in _MOVABLE:
        shutil.rmtree(cache / name, ignore_errors=True)
    _seed(warm, cache)


def _age(root: Path) -> None:
    """Date a workspace's files back, so that no file of another tree has the same time.

    Mypy takes a file for unchanged that has the size and the time, in whole seconds, of the one that it
    read before; an agent that is quick, or another commit, would go unseen.
    """
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        for name in names:
            with contextlib.suppress(OSError):
                os.utime(Path(folder, name), (_LONG_AGO, _LONG_AGO), follow_symlinks=False)


def _publish(cache: Path, warm: Path) -> None:
    """Put a look's caches in the place of those before, each whole or not at all."""
    for name in _MOVABLE:
        if (cache / name).is_dir():
            draft = Path(tempfile.mkdtemp(prefix=".", dir=warm))
            shutil.copytree(cache / name, draft / name)
            shutil.rmtree(warm / name, ignore_errors=True)
            # Two runs that publish at once: one of them is as good as the other.
            with contextlib.suppress(OSError):
                (draft / name).rename(warm / name)
            shutil.rmtree(draft, ignore_errors=True)
