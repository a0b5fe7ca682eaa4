"""What the tools themselves say of their codes."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

import trio

from stomper_sdk.errors import CommandError
from stomper_sdk.process import find_program, run_command

__all__ = ["Explanations"]

_SECTIONS = ("What it does", "Why is this bad?", "Example")
_LENGTH = 1500
_SECONDS = 20.0


class Explanations:
    """Explanations by check and code; each is asked for once, however many files wait for it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._locks: dict[tuple[str, str], trio.Lock] = {}

    async def get(self, check: str, codes: Iterable[str]) -> Mapping[str, str]:
        """What a tool says of some codes; a code that it does not explain is left out.

        Args:
            check: the kind of the check, as in its `use`.
            codes: the codes, in any order.
        """
        if check not in _EXPLAINERS:
            return {}
        texts = {code: await self._one(check, code) for code in sorted(set(codes))}
        return {code: text for code, text in texts.items() if text}

    async def _one(self, check: str, code: str) -> str:
        key = (check, code)
        async with self._locks.setdefault(key, trio.Lock()):
            if key not in self._known:
                self._known[key] = await _EXPLAINERS[check](code)
        return self._known[key]


async def _ruff(code: str) -> str:
    """From `ruff rule`; empty where ruff is missing, or does not know the code."""
    program = find_program("ruff")
    if program is None or not code.isalnum():
        return ""
    try:
        ask = [program, "rule", code, "--output-format", "json"]
        done = await run_command(ask, cwd=Path("/"), timeout=_SECONDS)
        rule = json.loads(done.text) if done.exit_code == 0 else {}
    except (CommandError, ValueError):  # an explanation is a help; nothing fails for want of it
        return ""
    return _shortened(str(rule.get("summary", "")), str(rule.get("explanation", "")))


def _shortened(summary: str, explanation: str) -> str:
    """The summary and the sections that tell what is wrong, how it looks and what to write instead."""
    parts = re.split(r"^## (.+)$", explanation, flags=re.MULTILINE)
    bodies = dict(zip(parts[1::2], parts[2::2], strict=True))
    chosen = [f"{name}\n{bodies[name].strip()}" for name in _SECTIONS if name in bodies]
    text = "\n\n".join(filter(None, (summary, *chosen)))
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH].rstrip()} [...]"


_EXPLAINERS: Mapping[str, Callable[[str], Awaitable[str]]] = {"ruff": _ruff}
