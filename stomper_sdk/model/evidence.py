"""What proves a look: which command, of which version, at what, and the digest of what it saw."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import attrs

from stomper_sdk.model.finding import Finding, in_order

__all__ = ["Evidence", "View", "digest_of"]


@attrs.frozen(cache_hash=True)
class Evidence:
    """How a check looked, so that anybody can look again and compare.

    A check itself tells the command, the exit code and the version; the rest is filled in by whoever asked
    it. `paths` are the files that it was asked for, None for everything. `commit` is the one whose tree it
    saw, None for a tree that was no commit: one with a fix in it, or the user's own.
    """

    check: str
    command: tuple[str, ...]
    exit_code: int
    version: str
    digest: str = ""
    paths: tuple[str, ...] | None = None
    commit: str | None = None


@attrs.frozen
class View:
    """What some checks saw of a tree: their findings, and one piece of evidence for each check."""

    findings: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()


def digest_of(findings: Iterable[Finding], root: str = "") -> str:
    """The digest of what was read from a check's output, in an order of its own.

    The output itself would prove less: it holds times, the order of threads and the folder of a workspace,
    so that no two looks at one tree print the same. `root` is that folder, as messages may name it.
    """
    told = [_told(finding, root) for finding in in_order(findings)]
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()


def _told(finding: Finding, root: str) -> tuple[str | int | None, ...]:
    message = finding.message.replace(root, ".") if root else finding.message
    return (finding.path, finding.line, finding.column, finding.code, finding.severity, message)
