"""What a prompt costs, by level, beside the look of ruff that each fix gets; and how much two of them share.

The files are the package's own, three findings in each. Prints one table.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import attrs
import trio

from stomper_sdk.model.finding import Finding
from stomper_sdk.prompts import (
    Constraints,
    Explanations,
    Neighbours,
    PromptInput,
    Related,
    Template,
    load_template,
    mentions,
    render,
)
from stomper_sdk.prompts.advice import advice

ROOT = Path(__file__).parents[1]
LEVELS = ("minimal", "normal", "detailed", "verbose")
CODES = ("F401", "F841", "E501", "B904")


def cases(count: int) -> list[PromptInput]:
    """Some of the package's files, with findings at random lines."""
    dice = random.Random(1)
    files = sorted((ROOT / "stomper_sdk").rglob("*.py"))
    texts = {file: text for file in files if len((text := file.read_text()).splitlines()) > 30}
    return [_case(file, texts[file], dice) for file in dice.sample(sorted(texts), count)]


def _case(file: Path, source: str, dice: random.Random) -> PromptInput:
    path = file.relative_to(ROOT).as_posix()
    lines = sorted(dice.sample(range(1, len(source.splitlines()) + 1), 3))
    findings = tuple(
        Finding("ruff", dice.choice(CODES), "something is wrong", path, line, 1) for line in lines
    )
    known = {finding.code: said for finding in findings if (said := advice("ruff", finding.code))}
    return PromptInput(path, source, findings, advice=known, constraints=Constraints(f"only {path}", 400))


async def prompts_at(level: str, template: Template, given: Sequence[PromptInput]) -> tuple[list[str], float]:
    """The prompts of a run at one level, and the median of their seconds; what is shared is made once."""
    explanations, neighbours = Explanations(), Neighbours()
    prompts, seconds = [], []
    for case in given:
        started = time.perf_counter()
        said, related = {}, Related()
        if mentions(template, level, "explanations"):
            said = dict(await explanations.get("ruff", [finding.code for finding in case.findings]))
        if mentions(template, level, "related"):
            related = await neighbours.of(case.path, case.source, case.findings, ROOT)
        whole = attrs.evolve(case, explanations=said, related=related, level=level)
        prompts.append(render(template, level, whole))
        seconds.append(time.perf_counter() - started)
    return prompts, statistics.median(seconds)


def seconds_of_a_look(given: Sequence[PromptInput]) -> float:
    seconds = []
    for case in given:
        started = time.perf_counter()
        command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", case.path]
        subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def shared(prompts: Sequence[str]) -> float:
    """Of each prompt, the part with which the one before begins, too: what a model's cache has read."""
    parts = []
    for one, two in pairwise(sorted(prompts)):
        same = next((n for n, pair in enumerate(zip(one, two, strict=False)) if pair[0] != pair[1]), len(two))
        parts.append(same / len(two))
    return statistics.median(parts)


def main() -> int:
    given = cases(60)
    template = load_template("default", ROOT, LEVELS)
    look = seconds_of_a_look(given[:20])
    print(f"{'level':10}{'words':>8}{'ms':>8}{'/ look of ruff':>16}{'shared':>9}")
    for level in LEVELS:
        prompts, seconds = trio.run(prompts_at, level, template, given)
        words = statistics.median(len(prompt.split()) for prompt in prompts)
        print(f"{level:10}{words:8.0f}{seconds * 1000:8.2f}{seconds / look:16.3f}{shared(prompts):9.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
