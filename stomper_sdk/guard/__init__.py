"""What a fix may not do, whatever the checks say of it: rules on its diff and on its syntax trees.

A rule takes every edit of a fix and tells what it has against it; it is found by its name, as
`guard.forbid` has it.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping, Sequence

import pathspec

from stomper_sdk.guard.base import Edit, Refusal, Side

__all__ = ["Edit", "Refusal", "Side", "forbidden", "refused", "told"]

_WANTED = {
    "any_casts": "give things the types that they have",
    "binary": "write text only",
    "config_edits": "fix the code, not what is asked of it",
    "deletions": "keep what others may use, and what it does",
    "executables": "leave the modes of files as they are",
    "links_out": "links stay within the repository",
    "secrets": "read it from the environment",
    "suppressions": "fix what was found instead",
    "test_edits": "mend the code, not the tests of it",
}
_MEANT = {
    "any_casts": "widen types to Any, or cast",
    "binary": "write binary content",
    "config_edits": "change the settings of linters, type checkers, tests or CI",
    "deletions": "remove public functions, classes or files, or empty them",
    "executables": "make files executable",
    "links_out": "link out of the repository",
    "secrets": "write keys or passwords",
    "suppressions": "silence a finding (noqa, type: ignore and their likes)",
    "test_edits": "remove, skip or weaken tests",
}
_SHOWN = 5


def refused(
    edits: Sequence[Edit], rules: Collection[str], allow: Mapping[str, Sequence[str]] | None = None
) -> tuple[Refusal, ...]:
    """What the rules of those names have against a fix, less what is allowed.

    `allow` has a list of entries by rule. An entry is compared with both the path and the thing refused,
    and allows what it matches: a path as a line of a `.gitignore` does (`legacy/**`), a thing by its name,
    with wildcards (`noqa: S101`, `Parser.feed`, `tool.ruff`), or by the head of it (`noqa` is any `noqa: …`).
    """
    from stomper_sdk.guard.rules import RULES  # whose many patterns take their time, so not before

    return tuple(
        refusal
        for name in RULES
        if name in rules
        for refusal in RULES[name](edits)
        if not _is_allowed(refusal, (allow or {}).get(name, ()))
    )


def forbidden(rules: Collection[str]) -> tuple[str, ...]:
    """What the rules of those names forbid, in words for whoever makes the fix."""
    return tuple(meant for name, meant in _MEANT.items() if name in rules)


def told(refusals: Sequence[Refusal]) -> tuple[str, ...]:
    """A sentence for each rule: what was done, where, and what is wanted instead."""
    by_rule: dict[str, list[Refusal]] = {}
    for refusal in refusals:
        by_rule.setdefault(refusal.rule, []).append(refusal)
    return tuple(_sentence(rule, said) for rule, said in by_rule.items())


def _sentence(rule: str, refusals: Sequence[Refusal]) -> str:
    shown = ", ".join(f"{each.said} ({each.place})" for each in refusals[:_SHOWN])
    more = f" and {len(refusals) - _SHOWN} more" if len(refusals) > _SHOWN else ""
    return f"guard.{rule}: it {shown}{more}; {_WANTED[rule]}"


def _is_allowed(refusal: Refusal, entries: Sequence[str]) -> bool:
    if pathspec.GitIgnoreSpec.from_lines(entries).match_file(refusal.path):
        return True
    globs = (glob for entry in entries for glob in (entry, f"{entry}: *"))
    return any(fnmatch.fnmatchcase(refusal.what, glob) for glob in globs)
