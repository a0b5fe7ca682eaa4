"""An experiment that nobody carried out: of any size, with rates that are known."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stomper_sdk.laboratory import Experiment, TriedVariant
from stomper_sdk.laboratory.cells import Cell, Tried
from stomper_sdk.model.file import Attempt, FileResult
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.plan import FileTask
from stomper_sdk.model.result import FindingEnd, RunResult
from stomper_sdk.model.span import WHOLE, Span

__all__ = ["experiment_of"]


def experiment_of(
    rates: Mapping[str, float],
    *,
    files: int = 40,
    each: int = 3,
    repeats: int = 1,
    failed: Mapping[str, str] | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    costs: Mapping[str, float] | None = None,
    seconds: Mapping[str, float] | None = None,
    codes: Sequence[str] = ("F401", "E711", "B006", "UP007"),
    names: str = "pkg/module_{:04}.py",
    notices: Sequence[str] = (),
    against: str | None = None,
) -> Experiment:
    """Variants by the share of findings that they fix; `costs` are of an attempt, `seconds` of a file."""
    chance = random.Random(4)
    tasks = tuple(_task(n, names.format(n), each, codes) for n in range(files))
    variants = [TriedVariant(name, (overrides or {}).get(name, {}), (), "completed") for name in rates] + [
        TriedVariant(name, {}, (), "failed", reason) for name, reason in (failed or {}).items()
    ]
    runs = []
    for name, rate in rates.items():
        for repeat in range(repeats):
            result = _run(tasks, rate, (costs or {}).get(name), (seconds or {}).get(name, 2.0), chance)
            runs.append(Tried(Cell(len(runs), 0, name, repeat), result))
    return Experiment(
        id="experiment-20260101-000000-0000",
        name="made up",
        pipeline="default",
        repo=".",
        base_commit="0" * 40,
        status="completed",
        variants=tuple(variants),
        against=against,
        repeats=repeats,
        sample=0,
        available=files * each,
        seed=0,
        stop="never",
        tasks=tasks,
        runs=tuple(runs),
        notices=tuple(notices),
    )


def _task(number: int, path: str, each: int, codes: Sequence[str]) -> FileTask:
    findings = tuple(
        Finding(
            check="ruff", code=codes[(number * each + n) % len(codes)], path=path, line=n + 1, message="m"
        )
        for n in range(each)
    )
    return FileTask(number, path, findings)


def _run(
    tasks: Sequence[FileTask], rate: float, cost: float | None, seconds: float, chance: random.Random
) -> RunResult:
    ends: list[FindingEnd] = []
    files = []
    for task in tasks:
        skill = min(max(rate + chance.gauss(0, 0.15), 0), 1) if 0 < rate < 1 else rate
        fixed = [finding for finding in task.findings if chance.random() < skill]
        left = [finding for finding in task.findings if finding not in fixed]
        ends += [FindingEnd(it, "fixed" if it in fixed else "remaining") for it in task.findings]
        attempt = Attempt(
            1,
            "main",
            "normal",
            "fixed" if not left else "partial",
            seconds,
            tokens_in=None if cost is None else 900,
            tokens_out=None if cost is None else 100,
            cost_usd=None if cost is None else cost * chance.uniform(0.5, 1.5),
        )
        files.append(
            FileResult(
                task.path,
                attempt.outcome,  # type: ignore[arg-type]
                duration_seconds=seconds * chance.uniform(0.5, 1.5),
                fixed=tuple(fixed),
                remaining=tuple(left),
                attempts=(attempt,),
            )
        )
    return RunResult(
        session_id="stomper-00000000",
        pipeline="default",
        repo=".",
        base_commit="0" * 40,
        head_commit="1" * 40,
        status="completed",
        exit_code=0,
        duration_seconds=seconds * len(tasks),
        peak_parallel_files=1,
        reducers={},
        files=tuple(files),
        findings=tuple(ends),
        spans=tuple(_spans(tasks, seconds)),
    )


def _spans(tasks: Sequence[FileTask], seconds: float) -> Iterator[Span]:
    for number, task in enumerate(tasks):
        yield Span(task.path, WHOLE, number * seconds, (number + 1) * seconds)
