"""What the tools themselves say of their codes, where they have a command for it: ruff and pylint."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

import trio

from stomper_sdk.errors import CommandError
from stomper_sdk.process import find_program, run_command

__all__ = ["Explanations"]

_SECTIONS = ("What it does", "Why is this bad?", "Example")
_LENGTH = 1500
_SECONDS = 20.0
_SYMBOL = re.compile(r"[a-z][a-z0-9-]*")
_HELP = re.compile(r"^:([a-z0-9-]+) \(\w+\): (.+)$", re.MULTILINE)
_NOT_KNOWN = "No such message id"


class Explanations:
    """Explanations by check and code; each is asked for once, however many files wait for it."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, str]] = {check: {} for check in _EXPLAINERS}
        self._locks = {check: trio.Lock() for check in _EXPLAINERS}

    async def get(self, check: str, codes: Iterable[str]) -> Mapping[str, str]:
        """What a tool says of some codes; a code that it does not explain is left out.

        Args:
            check: the kind of the check, as in its `use`.
            codes: the codes, in any order.
        """
        if check not in _EXPLAINERS:
            return {}
        wanted, known = sorted(set(codes)), self._known[check]
        async with self._locks[check]:
            missing = [code for code in wanted if code not in known]
            if missing:
                known |= {**dict.fromkeys(missing, ""), **await _EXPLAINERS[check](missing)}
        return {code: known[code] for code in wanted if known[code]}


async def _ruff(codes: Sequence[str]) -> Mapping[str, str]:
    """From `ruff rule`, which takes one code."""
    said = {
        code: await _said("ruff", "rule", code, "--output-format", "json") for code in codes if code.isalnum()
    }
    return {code: _of_rule(text) for code, text in said.items()}


def _of_rule(text: str) -> str:
    try:
        rule = json.loads(text)
    except ValueError:
        return ""
    return _shortened(str(rule.get("summary", "")), str(rule.get("explanation", "")))


async def _pylint(codes: Sequence[str]) -> Mapping[str, str]:
    """From `pylint --help-msg`, which takes them all, and says `:symbol (id): *message*` and why."""
    asked = ",".join(code for code in codes if _SYMBOL.fullmatch(code))
    if not asked:
        return {}
    parts = _HELP.split(await _said("pylint", "--rcfile=", f"--help-msg={asked}"))
    return {
        symbol: _one_text(title, text) for symbol, title, text in zip(*[iter(parts[1:])] * 3, strict=True)
    }


def _one_text(title: str, text: str) -> str:
    return " ".join(f"{title.strip()}: {text.partition(_NOT_KNOWN)[0]}".split())[:_LENGTH]


async def _said(program: str, *words: str) -> str:
    """What a program prints; nothing where it is missing or fails. Nothing else fails for want of a help."""
    found = find_program(program)
    if found is None:
        return ""
    try:
        # Where no project has its settings, nor plug-ins of its own.
        done = await run_command([found, *words], cwd=Path("/"), timeout=_SECONDS)
    except CommandError:
        return ""
    return done.text if done.exit_code == 0 else ""


def _shortened(summary: str, explanation: str) -> str:
    """The summary and the sections that tell what is wrong, how it looks and what to write instead."""
    parts = re.split(r"^## (.+)$", explanation, flags=re.MULTILINE)
    bodies = dict(zip(parts[1::2], parts[2::2], strict=True))
    chosen = [f"{name}\n{bodies[name].strip()}" for name in _SECTIONS if name in bodies]
    text = "\n\n".join(filter(None, (summary, *chosen)))
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH].rstrip()} [...]"


_EXPLAINERS: Mapping[str, Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]] = {
    "pylint": _pylint,
    "ruff": _ruff,
}
