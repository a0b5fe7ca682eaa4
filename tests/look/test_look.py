"""A run looked at afterwards: tables, plots, stories, diffs, and what a hostile name does to them."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import stomper_sdk
from stomper_sdk import AgentReply, AgentTask, RunResult
from stomper_sdk.errors import PipelineError, StomperError, UsageError
from stomper_sdk.model.span import WHOLE, Span
from stomper_sdk.reports.lanes import lanes_of, peak_of, waits_of

if TYPE_CHECKING:
    from tests.conftest import Checkout

Make = Callable[..., "Checkout"]
HOSTILE = "<img src=x onerror=alert(1)>\u202e.py"
NO_TESTS = {
    "test_validation.mode": "none",
    "parallelism.max_parallel_files": 2,
    "prompt.strategy": "escalate",
}


def mending(task: AgentTask) -> AgentReply:
    """Fixes F401 at the second attempt, adds a new finding at the first."""
    file = task.workspace / task.path
    lines = [line for line in file.read_text().splitlines(keepends=True) if "import" not in line]
    file.write_text("".join(lines) + ("undefined_name\n" if task.attempt == 1 else ""))
    return AgentReply("<b>done</b>", tokens_in=1200, tokens_out=34, cost_usd=0.25)


@pytest.fixture
def made(make_checkout: Make) -> tuple[Checkout, RunResult]:
    repo = make_checkout({"a.py": "import os\n\ny = 1\n", "b.py": "import re\n", HOSTILE: "import os\n"})
    agents = {"builtin": mending}
    return repo, stomper_sdk.run("default", repo=repo.root, agents=agents, overrides=NO_TESTS)


def test_tables_have_a_row_for_each(made: tuple[Checkout, RunResult]) -> None:
    _, result = made
    files = result.to_frame()
    assert files["path"].tolist() == [file.path for file in result.files]
    assert files["fixed_count"].sum() == 3
    findings = result.to_frame("findings")
    assert findings["code"].tolist() == ["F401"] * 3
    assert set(findings["status"]) == {"fixed"}
    attempts = result.to_frame("attempts")
    assert attempts["outcome"].tolist() == ["new_findings", "fixed"] * 3
    assert attempts["cost_usd"].sum() == pytest.approx(1.5)
    events = result.to_frame("events", "polars")
    assert set(events.filter(events["path"] == "a.py")["stage"]) >= {"file", "call_agent", "commit_in_main"}
    assert (events["until"] >= events["since"]).all()


@pytest.mark.parametrize(
    ("kind", "library", "said"), [("file", "pandas", "files"), ("files", "panda", "pandas")]
)
def test_a_table_that_there_is_not_is_refused(made: Any, kind: Any, library: Any, said: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean '{said}'"):
        made[1].to_frame(kind, library)


def test_a_library_that_is_missing_is_named_with_its_extra(
    made: tuple[Checkout, RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in ("pandas", "matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, library, None)
    for look in (made[1].to_frame, made[1].plot_timeline, made[1].plot_codes, made[1].plot_outcomes):
        with pytest.raises(
            UsageError, match=r"not installed\nInstall it: pip install 'stomper_sdk\[notebook\]'"
        ):
            look()


def test_plots_are_figures_that_nothing_shows_by_itself(
    made: tuple[Checkout, RunResult],
) -> None:
    _, result = made
    timeline = result.plot_timeline()
    labels = [text.get_text() for text in timeline.axes[0].get_legend().get_texts()]
    assert {"call_agent", "verify_fixes", "commit_in_main"} <= set(labels)
    assert [text.get_text() for text in timeline.axes[0].get_yticklabels()] == ["worker 1", "worker 2"]
    assert "2 files at work at most" in timeline.axes[0].get_title()
    for figure in (timeline, result.plot_outcomes(), result.plot_codes()):
        assert figure._repr_png_().startswith(b"\x89PNG")
    for figure in (result.plot_outcomes(), result.plot_codes()):
        assert all(tick == int(tick) for tick in figure.axes[0].get_xticks())
    assert "matplotlib.pyplot" not in sys.modules


def test_a_story_tells_every_attempt(made: tuple[Checkout, RunResult]) -> None:
    repo, result = made
    told = repr(result.explain("a.py"))
    assert "attempt 1, builtin (minimal): new_findings: 1 fixed, " in told
    assert ", 1,234 tokens, $0.25, " in told
    assert "F821" in told.partition("attempt 2")[0].partition("refused:")[2]
    assert "<b>done</b>" in told
    assert "-import os" in told
    assert str(result.diff("a.py")) == repo.git("show", "--format=", "--patch", str(result.files[1].commit))
    with pytest.raises(UsageError, match=r"no file 'a\.pyy'; did you mean 'a\.py'"):
        result.explain("a.pyy")


def test_a_past_run_comes_back_with_its_stories_and_its_timeline(
    made: tuple[Checkout, RunResult],
) -> None:
    repo, result = made
    for name in ("last", result.session_id):
        loaded = RunResult.load(name, repo.root)
        assert loaded.to_dict() | {"repo": ""} == result.to_dict() | {"repo": ""}
        assert [(span.path, span.stage) for span in loaded.spans] == [
            (span.path, span.stage) for span in result.spans
        ]
        ends = [span.until for span in result.spans]
        assert [span.until for span in loaded.spans] == pytest.approx(ends, abs=1e-6)
        assert repr(loaded.explain("a.py")) == repr(result.explain("a.py"))
        assert loaded.tiers == result.tiers
    with pytest.raises(StomperError, match="no run 'nonsense'"):
        RunResult.load("nonsense", repo.root)


def test_damaged_spans_are_told_and_lose_nothing_else(made: tuple[Checkout, RunResult]) -> None:
    repo, result = made
    kept = repo.root / ".stomper" / "sessions" / result.session_id / "spans.json"
    endless, long = (
        re.sub(r'("until": \[\s*)[\d.]+', rf"\g<1>{it}", kept.read_text()) for it in ("Infinity", "1e99")
    )
    for damage in ("{", '{"version": 2}', '{"version": 1, "paths": ["a"]}', "[]", endless, long):
        kept.write_text(damage)
        with pytest.raises(StomperError, match=r"spans\.json of stomper-.* cannot be read"):
            RunResult.load("last", repo.root)


def test_html_has_no_element_of_a_hostile_name(made: tuple[Checkout, RunResult]) -> None:
    _, result = made
    plan = stomper_sdk.plan("default", repo=made[0].root)
    file = next(file for file in result.files if file.path == HOSTILE)
    shown = [result, plan, file, file.attempts[0], result.explain(HOSTILE), result.diff(HOSTILE)]
    for page in (item._repr_html_() for item in shown):
        assert "<img" not in page
        assert "<b>done" not in page
        assert "\u202e" not in page
    assert "&lt;img src=x" in result._repr_html_()
    assert "3 files fixed" in result._repr_html_()
    assert all(len(repr(item)) < 200 for item in (result, file, file.attempts[0], plan))


def test_a_thousand_files_stay_small(made: tuple[Checkout, RunResult]) -> None:
    many = attrs.evolve(made[1], files=made[1].files * 334)
    assert len(many._repr_html_()) < 300_000
    assert "and 802 more files" in many._repr_html_()


def test_a_result_is_pickled_and_copied(made: tuple[Checkout, RunResult]) -> None:
    _, result = made
    for other in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert other == result
        assert other.total_errors_fixed == 3


def test_a_pipeline_is_varied_and_what_is_wrong_with_that_is_told() -> None:
    pipeline = stomper_sdk.load_pipeline("default")
    varied = pipeline.with_(**{"retry.max_attempts": 7, "prompt.strategy": "escalate"})
    assert (varied.retry.max_attempts, varied.prompt.strategy) == (7, "escalate")
    assert pipeline.with_() == pipeline
    with pytest.raises(PipelineError, match="max_attempt"):
        pipeline.with_(**{"retry.max_attempt": 7})


def test_a_lane_is_the_worker_that_was_free() -> None:
    ways = [("a", 0.0, 3.0), ("b", 0.0, 1.0), ("c", 1.0, 2.0), ("d", 2.5, 4.0), ("e", 3.0, 5.0)]
    lanes = lanes_of(Span(path, WHOLE, since, until) for path, since, until in ways)
    assert lanes == {"a": 0, "b": 1, "c": 1, "d": 1, "e": 0}


def test_the_peak_is_when_most_were_at_work() -> None:
    ways = [(0.0, 3.0), (1.0, 2.0), (2.0, 4.0), (2.5, 2.7)]
    assert peak_of(Span(str(way), WHOLE, *way) for way in ways) == 2.5
    assert peak_of([]) is None


def test_what_no_stage_covers_is_waiting() -> None:
    spans = [Span("a", WHOLE, 0, 10), Span("a", "x", 0, 2), Span("a", "y", 5, 9.999), Span(None, "z", 2, 3)]
    assert list(waits_of(spans)) == [Span("a", "waiting", 2, 5)]


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("pandas", "matplotlib", "IPython", "polars", "numpy", "scipy", "psutil", "statistics", "asyncio")
    code = f"import sys, stomper_sdk, stomper_sdk.api; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
