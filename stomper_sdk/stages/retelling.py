"""What tools said, as a prompt may repeat it: without secrets, and without where the user's tree lies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import attrs

from stomper_sdk.model.finding import Finding
from stomper_sdk.model.present import hide
from stomper_sdk.secrets import secret_values
from stomper_sdk.validation import TestFailure

__all__ = ["Retelling"]


@attrs.frozen
class Retelling:
    """Makes the absolute paths below some folders relative to them, and hides secrets."""

    places: re.Pattern[str]
    secrets: frozenset[str]

    @classmethod
    def of(cls, *folders: Path) -> Retelling:
        """The folders are tops of checkouts: the user's, and the workspace."""
        names = "|".join(re.escape(str(folder)) for folder in folders)
        return cls(re.compile(rf"(?<![\w./-])(?:{names})(?:/|(?![\w.-]))"), secret_values())

    def text(self, text: str) -> str:
        return hide(self.places.sub(self._relative, text), self.secrets)

    def findings(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(attrs.evolve(each, message=self.text(each.message)) for each in findings)

    def failures(self, failures: Iterable[TestFailure]) -> tuple[TestFailure, ...]:
        return tuple(
            attrs.evolve(each, message=self.text(each.message), text=self.text(each.text))
            for each in failures
        )

    @staticmethod
    def _relative(match: re.Match[str]) -> str:
        return "" if match[0].endswith("/") else "."
