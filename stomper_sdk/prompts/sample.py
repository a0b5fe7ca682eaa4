"""A case in which everything is there, with which templates are tried before a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stomper_sdk.model.finding import Finding
from stomper_sdk.prompts.advice import Advice
from stomper_sdk.prompts.values import (
    Constraints,
    Guide,
    LastAttempt,
    PromptInput,
    Related,
    Snippet,
    variables_of,
)
from stomper_sdk.validation import TestFailure

__all__ = ["SAMPLE"]

_FINDING = Finding("ruff", "F841", "`x` is never used", "a.py", 2, 5, "error", "def f():", "x = 1")
_CASE = PromptInput(
    path="a.py",
    source="def f():\n    x = 1\n",
    findings=(_FINDING,),
    explanations={"F841": "A local variable is never used."},
    advice={"F841": Advice("ruff", "F841", "Remove it.", "x = 1\n", "pass\n")},
    guides=(Guide("AGENTS.md", "Write tests."),),
    related=Related((Snippet("g", "b.py", 1, "def g(): ..."),), (Snippet("f", "c.py", 3, "f()"),)),
    constraints=Constraints("only a.py", 400, ("silence a finding",)),
    attempt=2,
    last=LastAttempt(
        (_FINDING,), (_FINDING,), (_FINDING,), "1 failed", (TestFailure("t.py::t", "E", "E assert"),)
    ),
    pipeline="default",
)
SAMPLE: Mapping[str, Any] = variables_of(_CASE)
