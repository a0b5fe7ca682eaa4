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
    """Makes the absolute paths below some folders, the tops of checkouts, relative to them."""

    folders: tuple[str, ...]

    @classmethod
    def of(cls, *folders: Path) -> Retelling:
        return cls(tuple(str(folder) for folder in folders if folder != folder.parent))

    def text(self, text: str) -> str:
        """What a tool printed, without secrets either: tests may print what they were given."""
        return hide(self._relative(text), secret_values())

    def findings(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Their messages, which have lost their secrets already."""
        return tuple(self._finding(each) for each in findings)

    def failures(self, failures: Iterable[TestFailure]) -> tuple[TestFailure, ...]:
        return tuple(
            attrs.evolve(each, message=self.text(each.message), text=self.text(each.text))
            for each in failures
        )

    def _finding(self, finding: Finding) -> Finding:
        message = self._relative(finding.message)
        return finding if message == finding.message else attrs.evolve(finding, message=message)

    def _relative(self, text: str) -> str:
        if not any(folder in text for folder in self.folders):
            return text
        names = "|".join(map(re.escape, self.folders))
        places = re.compile(rf"(?<![\w./-])(?:{names})(?:/|(?![\w.-]))")
        return places.sub(lambda match: "" if match[0].endswith("/") else ".", text)
