"""Any program as an agent."""

from __future__ import annotations

import contextlib
import json
import os
import string
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import attrs

from stomper_sdk.agents.base import MAX_OUTPUT, TIMEOUT, AgentReply, AgentTask, as_argument, run_program
from stomper_sdk.errors import AgentError, PipelineError, Problem
from stomper_sdk.model.finding import Finding
from stomper_sdk.options import (
    command_words,
    env_variables,
    integers,
    nearest,
    one_of,
    option,
    seconds,
)
from stomper_sdk.process import passed_on

__all__ = ["MAX_ARGUMENT", "CommandAgent", "template_words"]

#: The most bytes that one argument of a program can have on Linux (MAX_ARG_STRLEN, execve(2)).
MAX_ARGUMENT = 131_071
_PLACEHOLDERS = ("attempt", "file", "findings_json", "prompt", "prompt_file")
_TAIL = 20_000
_FINDING_KEYS = ("check", "code", "message", "path", "line", "column", "severity")


def template_words(value: object) -> tuple[str, ...]:
    """A command whose words may hold placeholders; a literal brace is written twice."""
    words = command_words(value)
    for word in words:
        for name in _placeholders(word):
            if name not in _PLACEHOLDERS:
                near = nearest(name, _PLACEHOLDERS)
                known = ", ".join(f"{{{known}}}" for known in _PLACEHOLDERS)
                mean = f" (did you mean {{{near}}}?)" if near else ""
                raise ValueError(
                    f"only {known} in braces, got {{{name}}}{mean}; a literal brace is written twice"
                )
    return words


def positive(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("a whole number above zero")
    return value


@attrs.frozen(kw_only=True)
class CommandAgent:
    """Runs a program in the workspace; never a shell.

    The prompt and the findings are written to a temporary folder outside the workspace, so that they
    never become part of a fix.
    """

    name: str
    run: tuple[str, ...] = option(template_words, meaning="The program and its arguments.")
    prompt: str = option(
        one_of("stdin", "file", "argument", "none"), "stdin", "How the program gets the prompt."
    )
    env: Mapping[str, str | None] = option(
        env_variables, attrs.Factory(dict), "Variables to add, or the names of secret ones to pass on."
    )
    ok_exit_codes: tuple[int, ...] = option(integers, (0,), "Exit codes that mean success.")
    timeout: float = option(seconds, TIMEOUT, "Its time limit; all that it started is ended with it.")
    max_output: int = option(positive, MAX_OUTPUT, "Bytes kept of each of its outputs.")
    once: bool = attrs.field(default=False, init=False)
    confined: ClassVar[bool] = True

    def __attrs_post_init__(self) -> None:
        """Refuse options that contradict each other."""
        if self.prompt == "file" and "prompt_file" not in self._used():
            self._refuse("prompt: file needs {prompt_file} in the command")
        if self.prompt != "argument" and "prompt" in self._used():
            self._refuse("{prompt} in the command needs prompt: argument")

    @property
    def program(self) -> str:
        """What must be there to be run."""
        return self.run[0]

    def _used(self) -> set[str]:
        return {name for word in self.run for name in _placeholders(word)}

    def _refuse(self, message: str) -> None:
        raise PipelineError([Problem(message, f"agents.{self.name}.run")])

    async def edit(self, task: AgentTask) -> AgentReply | None:
        """Run the program once.

        Raises:
            AgentError: it is missing, ran out of time, or its exit code is not one of success.
        """
        with self._exchange_folder() as folder:
            if task.confinement is not None and folder != Path():
                task = attrs.evolve(task, confinement=task.confinement.showing(folder))
            done = await run_program(
                self.name,
                self._arguments(task, folder),
                task,
                timeout=self.timeout,
                ok=self.ok_exit_codes,
                env=passed_on(self.env),
                stdin=os.fsencode(task.prompt) if self.prompt == "stdin" else b"",
                max_output=self.max_output,
            )
        return AgentReply(done.text[-_TAIL:])

    @contextlib.contextmanager
    def _exchange_folder(self) -> Iterator[Path]:
        """A folder for what the program is to read, made only where it is to read something."""
        if not self._used() & {"prompt_file", "findings_json"}:
            yield Path()
            return
        with tempfile.TemporaryDirectory(prefix="stomper-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def _arguments(self, task: AgentTask, folder: Path) -> list[str]:
        used = self._used()
        values: dict[str, object] = {
            "file": as_argument(task.path),
            "attempt": task.attempt,
            "prompt": task.prompt,
        }
        if "prompt_file" in used:
            values["prompt_file"] = _written(folder / "prompt.md", task.prompt)
        if "findings_json" in used:
            values["findings_json"] = _written(folder / "findings.json", findings_json(task.findings))
        words = [word.format_map(values) for word in self.run]
        if self.prompt == "argument" and "prompt" not in used:
            words.append(task.prompt)
        self._refuse_long(words)
        return words

    def _refuse_long(self, words: Iterable[str]) -> None:
        size = max(len(os.fsencode(word)) for word in words)
        if size > MAX_ARGUMENT:
            raise AgentError(
                f"agent {self.name}: an argument of {size} bytes is longer than a program can be given"
                f" ({MAX_ARGUMENT})",
                "Give it the prompt with `prompt: stdin`, or `prompt: file` and {prompt_file}.",
            )


def findings_json(findings: Iterable[Finding]) -> str:
    """Findings as a JSON list of objects, as a program reads them."""
    items: list[dict[str, Any]] = [
        {key: getattr(finding, key) for key in _FINDING_KEYS} for finding in findings
    ]
    return json.dumps(items, indent=1)


def _placeholders(word: str) -> list[str]:
    try:
        fields = [(name, spec, how) for _, name, spec, how in string.Formatter().parse(word)]
    except ValueError as error:
        raise ValueError(f"braces in pairs in {word!r} ({error}); a literal one is written twice") from None
    return [
        name + (f"!{how}" if how else "") + (f":{spec}" if spec else "")
        for name, spec, how in fields
        if name is not None
    ]


def _written(path: Path, text: str) -> str:
    path.write_bytes(os.fsencode(text))
    return str(path)
