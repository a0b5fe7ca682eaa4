"""What is left after a run, as SARIF 2.1.0. Section numbers are those of the OASIS standard."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import attrs

from stomper_sdk.model.finding import Finding, Fingerprint, Severity, fingerprints
from stomper_sdk.model.present import one_line
from stomper_sdk.model.result import FindingEnd, RunResult

__all__ = ["sarif_log"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}


def sarif_log(result: RunResult) -> dict[str, Any]:
    """A log with a run for each check, also for one that has nothing left to say.

    Whether a finding is `new`, `remaining`, `skipped` or `suppressed` stands in the properties of its
    result. There is no `baselineState`: it would claim that nothing about a finding has changed, its line
    included.
    """
    left = [end for end in result.findings if end.is_left]
    checks = sorted({*result.checks, *(end.finding.check for end in left)})
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [_run(result, name, [end for end in left if end.finding.check == name]) for name in checks],
    }


def _run(result: RunResult, check: str, ends: Sequence[FindingEnd]) -> dict[str, Any]:
    rules = sorted({end.finding.code for end in ends})
    prints = fingerprints(end.finding for end in ends)
    return {
        "tool": {"driver": _driver(check, result.checks.get(check), rules)},
        # Keeps these results apart from those that the tool itself uploads (3.17.2).
        "automationDetails": {"id": f"stomper_sdk/{one_line(result.pipeline)}/{one_line(check)}/"},
        "invocations": [_invocation(result)],
        "results": [
            _result(end, rules.index(end.finding.code), mark) for end, mark in zip(ends, prints, strict=True)
        ],
    }


def _driver(check: str, version: str | None, rules: Sequence[str]) -> dict[str, Any]:
    known = {"version": one_line(version)} if version else {}
    return {"name": one_line(check), **known, "rules": [{"id": one_line(rule)} for rule in rules]}


def _invocation(result: RunResult) -> dict[str, Any]:
    """Whether the results are all that there are (3.20.14)."""
    if result.error is None:
        return {"executionSuccessful": True}
    said = {"level": "error", "message": {"text": one_line(result.error, 1000)}}
    return {"executionSuccessful": False, "toolExecutionNotifications": [said]}


def _result(end: FindingEnd, rule: int, fingerprint: Fingerprint) -> dict[str, Any]:
    finding = end.finding
    return {
        "ruleId": one_line(finding.code),
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": one_line(finding.message, 1000)},
        "locations": [{"physicalLocation": _location(finding)}],
        "partialFingerprints": {"stomperFingerprint/v1": _hashed(fingerprint)},
        "properties": {"status": end.status},
    }


def _location(finding: Finding) -> dict[str, Any]:
    uri = quote(finding.path.encode("utf-8", "surrogateescape"))
    place = {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}}
    if not finding.line:
        return place
    column = {"startColumn": finding.column} if finding.column else {}
    return {**place, "region": {"startLine": finding.line, **column}}


def _hashed(fingerprint: Fingerprint) -> str:
    told = "\0".join(str(part) for part in attrs.astuple(fingerprint))
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
