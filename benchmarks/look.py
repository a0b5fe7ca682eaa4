"""What it takes to look at runs: `python benchmarks/look.py [--quick]`, with `[notebook]` and polars.

Results are made up, of a size and shape as real ones, and take processor time; displays draw real runs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import attrs
from cases import sleeping
from measure import Row, at_most, by_pair, interleaved, print_table
from repos import NotDoneError, make_repo
from ways import FIX, Job, run_once, shown

from stomper_sdk.journal.spans import SPANS, spans_to_dict
from stomper_sdk.look import report_html
from stomper_sdk.model.evidence import Evidence
from stomper_sdk.model.file import Attempt, CodeTally, FileResult
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.result import FindingEnd, RunResult
from stomper_sdk.model.span import Span
from stomper_sdk.reports import to_json

SESSION, START = "stomper-20260101-120000-abcd", "a" * 40
STAGES = (
    *("create_worktree", "generate_prompt", "call_agent", "verify_fixes", "run_tests", "extract_diff"),
    *("apply_to_main", "commit_in_main", "destroy_worktree", "file"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, not a measurement")
    rounds = 2 if parser.parse_args().quick else 5
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        try:
            print_table([*results(Path(folder), rounds), *displays(Path(folder), rounds)])
        except NotDoneError as error:
            print(f"the job was not done: {error}", file=sys.stderr)
            return 1
    return 0


def results(folder: Path, rounds: int) -> Iterator[Row]:
    """Results that are there: shown, made a table of, and read back."""
    small, large = made_up(1_000, 3), made_up(10_000, 10)
    past = kept(folder / "past", made_up(10_000, 2))
    report = partial(report_html, with_texts(made_up(500, 6), past))
    calls: dict[str, Callable[[], object]] = {
        "html": small._repr_html_,
        "pandas": partial(large.to_frame, "findings"),
        "polars": partial(large.to_frame, "findings", "polars"),
        "load": partial(RunResult.load, "last", past),
        "report": report,
    }
    took = interleaved({name: partial(timed, call) for name, call in calls.items()}, rounds, warm_up=True)
    size = len(small._repr_html_().encode()) / 1e3
    pages = "1,000 files in a notebook"
    yield Row(pages, "made", [one * 1e3 for one in took["html"]], " ms", "<= 100 ms", at_most(100))
    yield Row(pages, "size", [size], " kB", "<= 300 kB", at_most(300))
    written = "500 files as a report, with prompts and replies"
    yield Row(written, "made", took["report"], " s")
    yield Row(written, "size", [len(report().encode()) / 1e6], " MB", "<= 2 MB", at_most(2))
    for library in ("pandas", "polars"):
        case = "100,000 findings as a table"
        yield Row(case, library, took[library], " s", "<= 1 s", at_most(1))
    yield Row("a past session of 10,000 files", "loaded", took["load"], " s", "<= 2 s", at_most(2))


def displays(folder: Path, rounds: int) -> Iterator[Row]:
    """Runs, with nobody looking and with each display."""
    jobs = {
        "64 files, 0.2 s, 4 parallel": Job(make_repo(folder / "short", 64), sleeping(0.2), 4),
        "100 files, instant, 4 parallel": Job(make_repo(folder / "instant", 100), FIX, 4),
    }
    for case, job in jobs.items():
        ways = {kind: partial(_told, kind, job) for kind in ("none", "terminal", "notebook")}
        told = interleaved(ways, rounds, warm_up=True)
        for kind in ("terminal", "notebook"):
            share = [one["share"] * 100 for one in told[kind]]
            yield Row(case, f"{kind}: computing, of the run's time", share, " %", "<= 2 %", at_most(2))
            longest = [one["wait"] for one in told[kind]]
            yield Row(case, f"{kind}: the longest that an event waited", longest, " ms")
            pairs = [[one["seconds"] for one in told[name]] for name in (kind, "none")]
            yield Row(case, f"{kind}: the run's time, with / without", by_pair(*pairs, lambda a, b: a / b))


def timed(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def _told(kind: str, job: Job) -> Mapping[str, float]:
    told: dict[str, float] = json.loads(run_once(shown(kind), job).output)
    return told


def kept(folder: Path, result: RunResult) -> Path:
    """A repository that remembers the run."""
    session = folder / ".stomper" / "sessions" / SESSION
    session.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    (session / "result.json").write_text(to_json(result.to_dict()))
    (session / SPANS).write_text(to_json(spans_to_dict(result.spans)))
    return folder


def made_up(files: int, findings: int) -> RunResult:
    """A run of so many files with so many findings in each; every tenth was not fixed in three attempts."""
    ended = [_file(number, findings) for number in range(files)]
    plan = Evidence("ruff", ("ruff", "check"), 1, "0.6.0", "d" * 64, None, START)
    return RunResult(
        session_id=SESSION,
        pipeline="default",
        repo="/repo",
        base_commit=START,
        head_commit=START,
        status="completed",
        exit_code=0,
        duration_seconds=0.1 * files,
        peak_parallel_files=4,
        reducers={"total_errors_fixed": files},
        files=tuple(ended),
        findings=tuple(end for file in ended for end in _ends(file, plan)),
        checks={"ruff": "0.6.0"},
        spans=tuple(Span(file.path, stage, n, n + 0.1) for n, file in enumerate(ended) for stage in STAGES),
    )


def with_texts(result: RunResult, repo: Path) -> RunResult:
    """The run with what its agents were asked and said, more than there is room for in a report."""
    texts = {"prompt": "Mend `module`: " + "x = 1  # <a line>\n" * 300, "reply": "Done: " + "words " * 200}
    files = (
        attrs.evolve(file, attempts=tuple(attrs.evolve(it, **texts) for it in file.attempts))
        for file in result.files
    )
    return attrs.evolve(result, files=tuple(files), repo=str(repo))


def _file(number: int, findings: int) -> FileResult:
    path, fixed = f"package_{number % 97:02}/module_{number}.py", number % 10 != 0
    found = tuple(
        Finding("ruff", ("F401", "E711", "B006")[line % 3], "imported but unused", path, line + 1, 1)
        for line in range(findings)
    )
    attempts = tuple(
        Attempt(
            number=place + 1,
            agent="main",
            level="normal",
            outcome="fixed" if fixed else "unfixed",
            duration_seconds=2.5,
            codes=(CodeTally("ruff", "F401", findings, findings if fixed else 0),),
            used=fixed,
            fixed_count=findings if fixed else 0,
            remaining_count=0 if fixed else findings,
            tokens_in=1200,
            tokens_out=300,
            cost_usd=0.01,
            model="a model",
        )
        for place in range(1 if fixed else 3)
    )
    return FileResult(
        path=path,
        outcome="fixed" if fixed else "unfixed",
        reason=None if fixed else "3 findings are left after 3 attempts",
        commit=f"{number + 1:040x}" if fixed else None,
        duration_seconds=2.5 * len(attempts),
        fixed=found if fixed else (),
        remaining=() if fixed else found,
        attempt=1 if fixed else None,
        attempts=attempts,
        lines_removed=findings,
    )


def _ends(file: FileResult, before: Evidence) -> Iterator[FindingEnd]:
    look = ("ruff", "check", file.path)
    after = Evidence("ruff", look, 0, "0.6.0", "e" * 64, (file.path,), file.commit)
    for finding in file.fixed:
        yield FindingEnd(finding, "fixed", False, None, 1, file.commit, before, after)
    for finding in file.remaining:
        yield FindingEnd(finding, "remaining", before=before)


if __name__ == "__main__":
    sys.exit(main())
