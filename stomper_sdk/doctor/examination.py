"""The examination: everything that a run needs is looked at, the slow parts side by side."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import trio

from stomper_sdk.checks.base import Tree
from stomper_sdk.doctor.machine import git_remark, plugin_remarks, python_remark
from stomper_sdk.doctor.pipeline import (
    Loaded,
    agent_remark,
    check_remark,
    load,
    pipeline_remarks,
    tools_remark,
)
from stomper_sdk.doctor.remark import Remark, remark_of
from stomper_sdk.doctor.repository import (
    disk_remark,
    identity_remark,
    leftover_remarks,
    place_remark,
    repository_remark,
)
from stomper_sdk.doctor.testing import tests_remark
from stomper_sdk.errors import StomperError, WorkspaceError, alone, machine_limits
from stomper_sdk.interpreter.opening import preparation_of
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.process import adopting_orphans
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.repository import Repository, open_repository
from stomper_sdk.workspaces.base import furnish
from stomper_sdk.workspaces.place import find_folder

__all__ = ["examine"]


def examine(source: str | None, folder: Path, overrides: Mapping[str, object]) -> tuple[Remark, ...]:
    """Look at everything that a run of a pipeline needs; nothing is changed.

    Args:
        source: a path or a built-in name; None is what a run takes by itself.
        folder: the repository, or any folder in it.
        overrides: dotted paths and values, as a run takes them.

    Raises:
        MachineError: there is no room for a fresh checkout, or the like.
    """
    with machine_limits(permissions=True), contextlib.ExitStack() as stack:
        repository: Repository | StomperError
        try:
            repository = open_repository(folder)
            stack.callback(repository.close)
        except StomperError as error:
            repository = error
        remarks: tuple[Remark, ...] = trio.run(_examine, source, folder, overrides, repository)
        return remarks


async def _examine(
    source: str | None, folder: Path, overrides: Mapping[str, object], found: Repository | StomperError
) -> tuple[Remark, ...]:
    repository = found if isinstance(found, Repository) else None
    root = repository.root if repository else folder
    loaded = await in_thread(load, source, root, overrides)
    state, *more = await in_thread(_about_repository, found, loaded.pipeline, folder)
    ready = repository if state.state == "ok" else None
    place = await in_thread(_place, ready)
    with alone(), adopting_orphans(), tempfile.TemporaryDirectory(prefix="stomper-", dir=place) as scratch:
        tree, missing = await in_thread(_fresh_tree, Path(scratch), loaded.pipeline, ready)
        return (
            python_remark(),
            await in_thread(git_remark),
            state,
            *more,
            *pipeline_remarks(loaded, source, root),
            *missing,
            *await _about_programs(loaded, root, tree, Path(scratch)),
            *await in_thread(_about_places, loaded.pipeline, root, ready),
            *plugin_remarks(),
        )


def _place(repository: Repository | None) -> Path | None:
    """Where a workspace would be, as there is no settings file above; None is where temporary files are."""
    with contextlib.suppress(StomperError):
        return find_folder(None, repository.size_of("HEAD") if repository else 0)
    return None


def _fresh_tree(
    scratch: Path, pipeline: Pipeline | None, repository: Repository | None
) -> tuple[Path | None, tuple[Remark, ...]]:
    """The last commit as a workspace would have it, None where there is none or a setup command makes it."""
    if pipeline is None or repository is None or pipeline.workspace.setup:
        return None, ()
    tree = scratch / "tree"
    try:
        preparation = preparation_of(pipeline.workspace, repository.root, repository)
        tree.mkdir()
        repository.export("HEAD", tree)
        furnish(tree, preparation)
    except (StomperError, OSError) as error:
        wrong = error if isinstance(error, StomperError) else WorkspaceError(str(error))
        return None, (remark_of(wrong, "workspaces"),)
    return tree, ()


def _about_repository(
    found: Repository | StomperError, pipeline: Pipeline | None, folder: Path
) -> Sequence[Remark]:
    direct = pipeline is not None and pipeline.workspace.kind == "direct"
    if isinstance(found, StomperError):
        told = Remark("ok", "repository", f"{folder} is in none, and the pipeline fixes in place")
        return [told if direct and folder.is_dir() else remark_of(found, "repository")]
    if direct:
        text = "workspace.kind: direct is for folders outside of any repository"
        return [Remark("problem", "repository", text, "Set workspace.kind: worktree.")]
    return [repository_remark(found), identity_remark(found)]


async def _about_programs(loaded: Loaded, root: Path, tree: Path | None, scratch: Path) -> Sequence[Remark]:
    """Each check, each agent, and the tests; the tools are asked side by side."""
    if loaded.resolved is None or loaded.pipeline is None:
        return ()
    where = Tree(tree or root, scratch / "cache")
    checks = [partial(check_remark, check, where) for check in loaded.resolved.checks]
    tests = partial(tests_remark, loaded.pipeline.test_validation, root, tree)
    cascade = {tier.agent.name: tier.agent for tier in loaded.resolved.cascade}
    agents = [partial(agent_remark, agent, where.root) for agent in cascade.values()]
    return await _side_by_side([*checks, *agents, tools_remark, tests])


async def _side_by_side(probes: Sequence[Callable[[], Awaitable[Remark]]]) -> list[Remark]:
    """What each has to say, in their order."""
    told: dict[int, Remark] = {}

    async def one(number: int) -> None:
        told[number] = await probes[number]()

    async with trio.open_nursery() as nursery:
        for number in range(len(probes)):
            nursery.start_soon(one, number)
    return [told[number] for number in range(len(probes))]


def _about_places(pipeline: Pipeline | None, root: Path, repository: Repository | None) -> Sequence[Remark]:
    if not root.is_dir():
        return ()
    workspaces = [place_remark(pipeline, root, repository)] if pipeline and repository else []
    return [*workspaces, disk_remark(root), *leftover_remarks(root)]
