"""What a template can speak of: each field is a variable of the same name in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

import attrs

from stomper_sdk.model.finding import Finding

__all__ = ["Constraints", "PromptInput"]

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
class PromptInput:
    """One file's case.

    `source` is the file's text as the attempt finds it, `explanations` what the tools say of each code.
    `remaining`, `introduced` and `rejected` tell what the last attempt left, brought in, and was
    refused for. Paths are relative to the repository's root.
    """

    path: str
    source: str = ""
    findings: tuple[Finding, ...] = ()
    explanations: Mapping[str, str] = attrs.field(factory=dict)
    constraints: Constraints = Constraints()
    attempt: int = 1
    level: str = "normal"
    remaining: tuple[Finding, ...] = ()
    introduced: tuple[Finding, ...] = ()
    rejected: str | None = None
    pipeline: str = ""

    @property
    def language(self) -> str:
        """The name of the file's language, as a fence gives it; empty where the suffix tells none."""
        return _LANGUAGES.get(PurePosixPath(self.path).suffix.lower(), "")
