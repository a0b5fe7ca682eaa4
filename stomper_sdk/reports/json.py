"""Results and plans as JSON documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stomper_sdk.model.finding import Finding
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.present import plain
from stomper_sdk.model.result import RunResult

__all__ = ["plan_to_dict", "to_dict", "to_json"]


def to_dict(result: RunResult) -> dict[str, Any]:
    """The document of a run, as `schema/result.schema.json` describes it."""
    return result.to_dict()


def plan_to_dict(plan: Plan, pipeline: str) -> dict[str, Any]:
    """The document of a plan: what a run would work on, and what it would leave alone and why."""
    return {
        "version": 1,
        "pipeline": pipeline,
        "base_commit": plan.base_commit,
        "files": [
            {"path": task.path, "findings": [_finding(finding) for finding in task.findings]}
            for task in plan.tasks
        ],
        "skipped": [
            {
                "path": skipped.path,
                "reason": skipped.reason,
                "findings": [_finding(finding) for finding in skipped.findings],
            }
            for skipped in plan.skipped
        ],
        "notices": list(plan.notices),
        "forecast": plain(plan.forecast),
    }


def to_json(document: Mapping[str, Any]) -> str:
    """The document as text in ASCII: a name that is no valid UTF-8 comes through any stream, and back."""
    return json.dumps(document, indent=2, allow_nan=False)


def _finding(finding: Finding) -> dict[str, Any]:
    keys = ("check", "code", "path", "line", "column", "severity", "message")
    return {key: getattr(finding, key) for key in keys}
