"""What is measured: each case is a function that returns rows of the table."""

from __future__ import annotations

import json
import operator
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from measure import Row, at_least, at_most, by_pair, interleaved
from repos import find_beside, make_repo
from ways import FIX, LANGGRAPH, OURS, OURS_SPAN, PLAIN, Cost, Job, Way, has_langgraph, run_once, spent

__all__ = ["CASES", "Case", "sleeping"]

#: Called with a folder to make repositories in, and whether the run is to be a quick one.
Case = Callable[[Path, bool], list[Row]]

_HERE = Path(__file__).parent
_NO_LANGGRAPH = "langgraph is not installed"


def slow_agents(folder: Path, quick: bool) -> list[Row]:
    """64 files, 2 seconds each, 16 at a time: what the machinery adds to the time that agents take."""
    files, seconds, parallel = 64, 2.0, 16
    ideal = files * seconds / parallel
    job = Job(make_repo(folder / "slow", files), sleeping(seconds), parallel)
    ways = (OURS, OURS_SPAN, *_peers())
    costs = interleaved(_calls(ways, job), 1 if quick else 3)
    case, target, good = f"{files} files, {seconds:g} s, {parallel} parallel", ">= 0.95", at_least(0.95)
    whole = [ideal / cost.seconds for cost in costs[OURS.name]]
    span = [ideal / float(cost.output) for cost in costs[OURS_SPAN.name]]
    rows = [
        Row(case, f"ideal {ideal:g} s / first file's start to last file's end", span, "", target, good),
        Row(case, f"ideal {ideal:g} s / whole process", whole, "", target, good),
    ]
    for peer in (PLAIN, LANGGRAPH):
        values = [ideal / cost.seconds for cost in costs.get(peer.name, [])]
        rows.append(Row(case, f"ideal / whole process, {peer.name}", values, missing=_NO_LANGGRAPH))
    return rows


def few_files(folder: Path, quick: bool) -> list[Row]:
    """8 files, 1 second each, at 1, 4 and 8 at a time: what is added to 8, 2 and 1 seconds."""
    files, seconds = 8, 1.0
    template = make_repo(folder / "few", files)
    rows = []
    for parallel in (1, 4, 8):
        ideal = files * seconds / parallel
        job = Job(template, sleeping(seconds), parallel)
        costs = interleaved(_calls((OURS, OURS_SPAN, PLAIN), job), 1 if quick else 3)
        case, target, good = f"{files} files, {seconds:g} s, {parallel} parallel", "<= 0.3 s", at_most(0.3)
        span = [float(cost.output) - ideal for cost in costs[OURS_SPAN.name]]
        rows.append(Row(case, f"over {ideal:g} s, first start to last end", span, " s", target, good))
        for way in (OURS, PLAIN):
            over = [cost.seconds - ideal for cost in costs[way.name]]
            rows.append(Row(case, f"over {ideal:g} s, whole process, {way.name}", over, " s"))
    return rows


def instant_agents(folder: Path, quick: bool) -> list[Row]:
    """100 files, an agent that takes no time, 4 at a time: nothing but the machinery, start-up included."""
    files, parallel = 100, 4
    job = Job(make_repo(folder / "instant", files), FIX, parallel)
    costs = interleaved(_calls((OURS, PLAIN, *_peers(plain=False)), job), 2 if quick else 7, warm_up=True)
    case = f"{files} files, instant, {parallel} parallel"
    rows = []
    for way in (OURS, PLAIN, LANGGRAPH):
        values = [cost.seconds for cost in costs.get(way.name, [])]
        rows.append(Row(case, f"whole process, {way.name}", values, " s", missing=_NO_LANGGRAPH))
    for peer in (PLAIN, LANGGRAPH):
        goal = ("<= 1", at_most(1.0)) if peer is PLAIN else ("", None)
        rows.append(
            Row(case, f"time, ours / {peer.name}", _ratios(costs, peer, "seconds"), "", *goal, _NO_LANGGRAPH)
        )
        cpu = _ratios(costs, peer, "cpu")
        rows.append(Row(case, f"processor time, ours / {peer.name}", cpu, missing=_NO_LANGGRAPH))
    return rows


def scheduler(folder: Path, quick: bool) -> list[Row]:
    """Files with nothing to do, without git: what the interpreter itself costs."""
    sizes = (5_000, 20_000)
    calls: dict[str, Callable[[], Mapping[str, float]]] = {
        f"{files} no-op files": partial(_measured, "noop.py", str(files)) for files in sizes
    }
    if has_langgraph():
        calls["LangGraph"] = partial(_measured, "langgraph_peer.py", "noop", str(sizes[0]))
    seen = interleaved(calls, 1 if quick else 5)
    return list(_scheduler_rows(sizes, seen))


def _scheduler_rows(sizes: Sequence[int], seen: Mapping[str, Sequence[Mapping[str, float]]]) -> Iterator[Row]:
    peaks = []
    for files in sizes:
        case = f"{files} no-op files"
        micros = [one["seconds"] / files * 1e6 for one in seen[case]]
        peaks.append([one["peak_mb"] for one in seen[case]])
        yield Row(case, "a file", micros, " µs", "<= 200 µs", at_most(200))
        yield Row(case, "peak memory of the process", peaks[-1], " MB", "< 80 MB", at_most(80))
    more = by_pair(peaks[1], peaks[0], lambda large, small: (large - small) / (sizes[1] - sizes[0]) * 1024)
    yield Row(f"{sizes[1]} - {sizes[0]} files", "memory that one more file keeps", more, " kB")
    case, theirs = f"{sizes[0]} no-op files", seen.get("LangGraph", [])
    micros = [one["seconds"] / sizes[0] * 1e6 for one in theirs]
    yield Row(case, "a file, LangGraph", micros, " µs", missing=_NO_LANGGRAPH)


def start_up(folder: Path, quick: bool) -> list[Row]:
    """What it takes until anything can be done."""
    commands = {
        "bare interpreter": (sys.executable, "-c", "pass"),
        "import stomper_sdk": (sys.executable, "-c", "import stomper_sdk"),
        "import stomper_sdk.api": (sys.executable, "-c", "import stomper_sdk.api"),
        "stomper-sdk --help": (find_beside("stomper-sdk"), "--help"),
    }
    calls = {name: partial(spent, argv, folder) for name, argv in commands.items()}
    costs = interleaved(calls, 3 if quick else 11, warm_up=True)
    times = {name: [cost.seconds * 1e3 for cost in values] for name, values in costs.items()}
    bare = times.pop("bare interpreter")
    over = {name: by_pair(values, bare, operator.sub) for name, values in times.items()}
    case, light, full = "start-up", "import stomper_sdk", "import stomper_sdk.api"
    return [
        Row(case, f"{light}, over a bare interpreter", over[light], " ms", "<= 150 ms", at_most(150)),
        Row(case, f"{full}, over a bare interpreter", over[full], " ms", "<= 150 ms", at_most(150)),
        Row(case, "stomper-sdk --help", times["stomper-sdk --help"], " ms", "<= 300 ms", at_most(300)),
    ]


def sandbox(folder: Path, quick: bool) -> list[Row]:
    """What it adds to a command that it is shut in."""
    call = partial(_measured, "confined.py", str(folder), "20")
    seen = interleaved({"confined": call}, 1 if quick else 5)["confined"]
    rows = []
    for kind in ("bubblewrap", "landlock"):
        over = [one[kind] - one["none"] for one in seen if kind in one]
        target, missing = ("<= 10 ms", at_most(10)), "it does not work here"
        rows.append(
            Row("a command that does nothing", f"in {kind}, over none", over, " ms", *target, missing)
        )
    return rows


def sleeping(seconds: float) -> tuple[str, ...]:
    """An agent that takes some seconds."""
    return ("sh", "-c", f"sleep {seconds:g} && exec sed -i '/^import os$/d' \"$1\"", "agent")


def _peers(*, plain: bool = True) -> tuple[Way, ...]:
    return (*((PLAIN,) if plain else ()), *((LANGGRAPH,) if has_langgraph() else ()))


def _calls(ways: Sequence[Way], job: Job) -> dict[str, Callable[[], Cost]]:
    return {way.name: partial(run_once, way, job) for way in ways}


def _ratios(costs: Mapping[str, Sequence[Cost]], peer: Way, what: str) -> list[float]:
    if peer.name not in costs:
        return []
    ours = [float(getattr(cost, what)) for cost in costs[OURS.name]]
    theirs = [float(getattr(cost, what)) for cost in costs[peer.name]]
    return by_pair(ours, theirs, operator.truediv)


def _measured(script: str, *argv: str) -> Mapping[str, float]:
    told: dict[str, float] = json.loads(spent((sys.executable, str(_HERE / script), *argv), _HERE).output)
    return told


CASES: Mapping[str, Case] = {
    "slow": slow_agents,
    "few": few_files,
    "instant": instant_agents,
    "scheduler": scheduler,
    "start": start_up,
    "sandbox": sandbox,
}
