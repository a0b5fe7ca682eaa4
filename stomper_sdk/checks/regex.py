"""The check `regex`: any program that prints a line per finding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs

from stomper_sdk.checks.base import MAX_OUTPUT, Look, Tree
from stomper_sdk.checks.command import CommandCheck
from stomper_sdk.checks.matching import Match, find_matches
from stomper_sdk.errors import CheckError, CommandError
from stomper_sdk.model.finding import Finding, Severity
from stomper_sdk.options import option
from stomper_sdk.process import CommandTimeout, Completed

__all__ = ["RegexCheck"]

_GROUPS = frozenset({"path", "line", "column", "code", "message", "severity"})
_SEVERITIES: dict[str, Severity] = {
    "w": "warning",
    "warn": "warning",
    "warning": "warning",
    "hint": "info",
    "i": "info",
    "info": "info",
    "note": "info",
    "notice": "info",
    "style": "info",
}


def _pattern(value: object) -> re.Pattern[str]:
    """A reader for a regular expression that names the parts of a finding."""
    try:
        pattern = re.compile(str(value) if isinstance(value, str) else "", re.MULTILINE)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from None
    if "path" not in pattern.groupindex:
        raise ValueError("a regular expression with a group (?P<path>...)")
    unknown = pattern.groupindex.keys() - _GROUPS
    if unknown:
        raise ValueError(f"groups named {', '.join(sorted(_GROUPS))}, not {', '.join(sorted(unknown))}")
    return pattern


@attrs.frozen(kw_only=True)
class RegexCheck(CommandCheck):
    """Runs `command` and finds `pattern` in what it prints; other lines are left out."""

    pattern: re.Pattern[str] = option(
        _pattern,
        meaning="A Python regular expression with groups path, line, column, code, message, severity.",
    )

    async def look(self, tree: Tree, paths: Sequence[str] | None) -> Look:
        """Every match in the standard output.

        Raises:
            CheckError: the program is missing, crashed, or failed and printed nothing that matches.
        """
        runs = [await self.run(tree, argv, ok=self.ok_exit_codes) for argv in self.argvs(paths)]
        matches = {done.argv: await self._matches(done) for done in runs}

        def findings(tree: Tree, done: Completed) -> Iterator[Finding]:
            return self._findings(tree, done, matches[done.argv])

        return await self.seen(tree, paths, runs, findings)

    async def _matches(self, done: Completed) -> Sequence[Match]:
        try:
            return await find_matches(self.pattern, done.text, timeout=self.timeout, max_output=MAX_OUTPUT)
        except CommandTimeout as error:
            text = f"check {self.name}: its pattern took more than {self.timeout:g} s on what was printed"
            hint = "Write it without a repetition inside of a repetition, as in (a+)+."
            raise CheckError(text, hint) from error
        except CommandError as error:
            raise CheckError(f"check {self.name}: {error.message}") from error

    def _findings(self, tree: Tree, done: Completed, matches: Sequence[Match]) -> Iterator[Finding]:
        # A script that dies of an exception exits with 1, as a linter does that has findings.
        if done.exit_code and not matches and (done.stdout + done.stderr).strip():
            raise self.crash(done, f"no line matches the pattern: {_end(done)}")
        return (self._finding(tree, match) for match in matches)

    def _finding(self, tree: Tree, match: Match) -> Finding:
        parts = match.parts
        if parts["path"] is None:
            raise ValueError(f"the pattern matches {match.text!r} without a path")
        severity = _SEVERITIES.get((parts.get("severity") or "error").lower(), "error")
        message = (parts.get("message") or match.text).strip()
        code = parts.get("code") or self.name
        line, column = (_number(parts.get(name)) for name in ("line", "column"))
        return self.finding(tree, parts["path"], message, code, line, column, severity)


def _number(value: str | None) -> int | None:
    return int(value) if value else None


def _end(done: Completed) -> str:
    return (done.text.strip() or done.error_text.strip())[-500:]
