"""SARIF 2.1.0 as far as findings need it. Section numbers are those of the OASIS standard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import attrs

from stomper_sdk.model.finding import Severity

__all__ = ["SarifResult", "read_log"]

_Json = Mapping[str, Any]
_SEVERITIES: dict[str, Severity] = {"error": "error", "warning": "warning", "note": "info", "none": "info"}
_NO_PROBLEM = frozenset({"pass", "notApplicable", "informational"})


@attrs.frozen
class SarifResult:
    """A result; `path` is absolute or relative to the tree, None where the result names no file."""

    rule: str
    message: str
    severity: Severity
    path: str | None
    line: int | None
    column: int | None


def read_log(content: bytes, root: Path) -> Iterator[SarifResult]:
    """The results of all runs that are problems and not suppressed.

    Args:
        content: the log.
        root: what paths are relative to where the log names no other folder.

    Raises:
        ValueError: the log is no SARIF 2.1.0, or says that the tool failed.
    """
    log = json.loads(content.decode("utf-8-sig"))
    if not str(log["version"]).startswith("2."):
        raise ValueError(f"SARIF of version {log['version']}, where 2.1.0 was expected")
    for run in log["runs"]:
        _refuse_failed(run)
        for result in run.get("results") or ():
            if _counts(result):
                yield _result(run, result, root)


def _refuse_failed(run: _Json) -> None:
    for invocation in run.get("invocations") or ():
        if not invocation.get("executionSuccessful", True):
            notes = invocation.get("toolExecutionNotifications") or ()
            said = "; ".join(str(note["message"].get("text", "")) for note in notes)
            raise ValueError(f"the tool says that it failed: {said}")


def _counts(result: _Json) -> bool:
    """Whether a result is a problem that is there and that nobody suppressed (3.27.9, 24, 23)."""
    accepted = [s for s in result.get("suppressions") or () if s.get("status", "accepted") == "accepted"]
    gone = result.get("baselineState") == "absent"
    return result.get("kind", "fail") not in _NO_PROBLEM and not gone and not accepted


def _result(run: _Json, result: _Json, root: Path) -> SarifResult:
    rule = _rule(run, result)
    name = result.get("ruleId") or result.get("rule", {}).get("id") or rule.get("id", "")
    default = rule.get("defaultConfiguration", {}).get("level", "warning")
    locations: Sequence[_Json] = result.get("locations") or ({},)
    location = locations[0].get("physicalLocation", {})
    region = location.get("region", {})
    return SarifResult(
        rule=name,
        message=_message(result["message"], rule),
        severity=_SEVERITIES[result.get("level", default)],
        path=_path(run, location.get("artifactLocation", {}), root),
        line=region.get("startLine"),
        column=region.get("startColumn"),
    )


def _rule(run: _Json, result: _Json) -> _Json:
    """The description of a result's rule: by its index, else by its id (3.27.5 to 3.27.7)."""
    rules = run["tool"]["driver"].get("rules") or ()
    reference = result.get("rule", {})
    index = result.get("ruleIndex", reference.get("index", -1))
    if "toolComponent" not in reference and 0 <= index < len(rules):
        found: _Json = rules[index]
        return found
    name = result.get("ruleId", reference.get("id"))
    return next((rule for rule in rules if rule.get("id") == name), {})


def _message(message: _Json, rule: _Json) -> str:
    """The text, or the rule's text of that id, with its placeholders filled in (3.11)."""
    text: str | None = message.get("text") or rule.get("messageStrings", {}).get(message.get("id"), {}).get(
        "text"
    )
    values = message.get("arguments") or ()
    if text is None:
        raise ValueError("a result without a message")
    if values:
        text = re.sub(r"\{(\d+)\}", lambda match: str(values[int(match[1])]), text)
    return " ".join(text.split())


def _path(run: _Json, location: _Json, root: Path) -> str | None:
    """The file of a location: in place, or an index into the run's artifacts (3.4)."""
    if "uri" not in location and location.get("index", -1) >= 0:
        location = run["artifacts"][location["index"]]["location"]
    if "uri" not in location:
        return None
    uri = urljoin(_base(run, location.get("uriBaseId"), root, frozenset()), location["uri"])
    parts = urlsplit(uri)
    if parts.scheme != "file":
        raise ValueError(f"{uri} is no file")
    return unquote(parts.path)


def _base(run: _Json, name: str | None, root: Path, seen: frozenset[str]) -> str:
    """The folder of a base id as a URI; one that says nothing is the tree itself (3.14.14)."""
    tree = f"{root.absolute().as_uri()}/"
    if name is None or name in seen:
        return tree
    base = (run.get("originalUriBaseIds") or {}).get(name, {})
    above = _base(run, base.get("uriBaseId"), root, seen | {name})
    return urljoin(above, str(base.get("uri", "")))
