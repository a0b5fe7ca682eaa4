from __future__ import annotations

import attrs

from stomper_sdk.guard.limits import matches
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.pipeline import GuardSpec
from stomper_sdk.stages.base import Context, FileState, define_stage
from stomper_sdk.stages.looking import findings_of, look_at, read_text, relevant
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.workspaces.base import EVERYTHING, Scope, Workspace, settled, workspace_name

__all__ = ["create_worktree", "enter_workspace"]


@define_stage("create_worktree", block="file", gives=["workspace"])
async def create_worktree(state: FileState, context: Context) -> FileState:
    """Lend the file a workspace at the target's current end, given back when the file ends."""
    base = await in_thread(context.repo().tip, context.commits_to()) if context.repository else None
    return await enter_workspace(state, context, base)


async def enter_workspace(state: FileState, context: Context, base: str | None) -> FileState:
    """Lend a workspace, and target what the checks see there where the file is not as it was planned."""
    name = workspace_name(context.session.id, state.task.path)
    path = state.task.path
    lending = context.lender.lend(name, base, _scope(path, context.pipeline.guard))
    workspace = await context.stack.enter_async_context(lending)
    if context.plan is not None and context.plan.unsettled:
        workspace = await settled(workspace)
    source = await in_thread(read_text, workspace.path / path) or ""
    before = relevant(path, context)
    state = attrs.evolve(state, workspace=workspace, base=base, before=before, source=source)
    if base == context.base_commit or not await _moved(state, context, workspace):
        return state
    return await _look_again(state, context, workspace)


def _scope(path: str, spec: GuardSpec) -> Scope:
    if spec.scope == "repo":
        return Scope(path, EVERYTHING.also)
    return Scope(path, None if spec.scope == "file" else matches(spec.scope))


async def _moved(state: FileState, context: Context, workspace: Workspace) -> bool:
    """Whether another commit can have changed what the checks say of the file."""
    if any(check.scope == "project" for check in context.checks if findings_of(check, state.task.findings)):
        return True
    repository, path = context.repo(), state.task.path
    assert workspace.base is not None and context.base_commit is not None
    planned = await in_thread(repository.blob_at, context.base_commit, path)
    return await in_thread(repository.blob_at, workspace.base, path) != planned


async def _look_again(state: FileState, context: Context, workspace: Workspace) -> FileState:
    view = await look_at(workspace, context, [state.task.path], workspace.base)
    wanted = {(finding.check, finding.code) for finding in state.task.findings}
    findings = tuple(finding for finding in view.findings if _targeted(finding, state, wanted))
    task = attrs.evolve(state.task, findings=findings)
    return attrs.evolve(state, before=view.findings, evidence=view.evidence, task=task)


def _targeted(finding: Finding, state: FileState, wanted: set[tuple[str, str]]) -> bool:
    return finding.path == state.task.path and (finding.check, finding.code) in wanted
