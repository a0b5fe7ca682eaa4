"""What a template can speak of: each field is a variable of the same name in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import attrs

from stomper_sdk.model.finding import Finding
from stomper_sdk.prompts.advice import Advice
from stomper_sdk.validation import TestFailure

__all__ = [
    "VARIABLES",
    "Constraints",
    "Guide",
    "LastAttempt",
    "PromptInput",
    "Related",
    "Snippet",
    "variables_of",
]

_LANGUAGES = {
    ".c": "c",
    ".cpp": "cpp",
    ".cs": "csharp",
    ".css": "css",
    ".go": "go",
    ".h": "c",
    ".html": "html",
    ".ipynb": "json",
    ".java": "java",
    ".js": "javascript",
    ".json": "json",
    ".jsx": "jsx",
    ".md": "markdown",
    ".php": "php",
    ".py": "python",
    ".pyi": "python",
    ".rb": "ruby",
    ".rs": "rust",
    ".sh": "sh",
    ".sql": "sql",
    ".toml": "toml",
    ".ts": "typescript",
    ".tsx": "tsx",
    ".yaml": "yaml",
    ".yml": "yaml",
}


@attrs.frozen
class Constraints:
    """What a fix may touch, in words, and how many lines it may change; "" and 0 for no limit.

    `forbidden` says what makes a fix no fix, each in a few words.
    """

    scope: str = ""
    max_changed_lines: int = 0
    forbidden: tuple[str, ...] = ()


@attrs.frozen
class LastAttempt:
    """What became of the attempt before this one.

    `remaining` are findings that it left, `suppressed` those that it only silenced, `introduced` those that
    it brought. `rejected` says why it was not taken, if anything stood against it; `failures` are the tests
    that it broke. `kept` tells whether its edits are in the file now.
    """

    remaining: tuple[Finding, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    introduced: tuple[Finding, ...] = ()
    rejected: str | None = None
    failures: tuple[TestFailure, ...] = ()
    kept: bool = False


@attrs.frozen
class Guide:
    """A text in which the repository says how it is worked on."""

    path: str
    text: str


@attrs.frozen
class Snippet:
    """Code of another file: what it is of (`name`), and where it begins."""

    name: str
    path: str
    line: int
    text: str


@attrs.frozen
class Related:
    """Code of other files: definitions of what the flagged code uses, and calls of what it defines."""

    definitions: tuple[Snippet, ...] = ()
    callers: tuple[Snippet, ...] = ()


@attrs.frozen
class PromptInput:
    """One file's case.

    `source` is the file's text as the attempt finds it. `explanations` are what the tools say of each
    code, `advice` what we say. `last` is the attempt before, None where there was none or nothing is
    known of it. Paths are relative to the repository's root.
    """

    path: str
    source: str = ""
    findings: tuple[Finding, ...] = ()
    explanations: Mapping[str, str] = attrs.field(factory=dict)
    advice: Mapping[str, Advice] = attrs.field(factory=dict)
    guides: tuple[Guide, ...] = ()
    related: Related = Related()
    constraints: Constraints = Constraints()
    attempt: int = 1
    level: str = "normal"
    last: LastAttempt | None = None
    pipeline: str = ""

    @property
    def language(self) -> str:
        """The name of the file's language, as a fence gives it; empty where the suffix tells none."""
        return _LANGUAGES.get(PurePosixPath(self.path).suffix.lower(), "")


#: The names of a template's variables.
VARIABLES = (*attrs.fields_dict(PromptInput), "language")


def variables_of(given: PromptInput) -> dict[str, Any]:
    return {name: getattr(given, name) for name in VARIABLES}
