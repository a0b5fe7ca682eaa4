"""An experiment looked at afterwards: tables, plots, pages, and what a hostile name does to them."""

from __future__ import annotations

import html
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

import stomper_sdk
from stomper_sdk.errors import UsageError
from stomper_sdk.experiments import Decision, Interval
from stomper_sdk.laboratory import Experiment
from stomper_sdk.look.experiment import report_html
from stomper_sdk.look.experiment.front import front_of
from stomper_sdk.look.experiment.speedup import speeds_of
from tests.laboratory.conftest import PIPELINE, drops, files
from tests.look.made import experiment_of

KEY = "parallelism.max_parallel_files"
HOSTILE = "<img src=x onerror=alert(1)>\u202e$x$"
RATES = {"low": 0.2, "middle": 0.5, "high": 0.9}
COSTS = {"low": 0.01, "middle": 0.05, "high": 0.03}


@pytest.fixture(scope="module")
def found() -> Experiment:
    return experiment_of(RATES, costs=COSTS, failed={"broken": "no such model"}, against="middle")


def texts(figure: Any) -> list[str]:
    """All that a figure says."""
    from matplotlib.text import Text

    return [text for it in figure.findobj(Text) if (text := it.get_text())]


def test_a_frame_has_a_row_for_each_variant_and_no_zeros_for_one_that_failed(found: Experiment) -> None:
    frame = found.to_frame().set_index("variant")
    assert frame.index.tolist() == ["low", "middle", "high", "broken"]
    assert frame.loc["broken", ["status", "reason"]].tolist() == ["failed", "no such model"]
    assert frame.loc["broken"].drop(["status", "reason"]).isna().all()
    for table in found.tables:
        row = frame.loc[table.variant]
        assert row["rate"] == table.total.rate
        assert row["low"] < row["rate"] < row["high"]
        assert row["cost_per_fixed"] == pytest.approx(row["cost_usd"] / row["fixed"])
        assert (row["attempts"], row["new_findings"]) == (40, 0)


def test_frames_of_codes_files_findings_and_runs_add_up(found: Experiment) -> None:
    fixed = found.to_frame().dropna(subset="fixed").set_index("variant")["fixed"]
    for kind in ("codes", "files", "findings", "runs"):
        summed = found.to_frame(kind).groupby("variant")["fixed"].sum()
        assert summed.to_dict() == fixed.to_dict(), kind
    polars = found.to_frame("findings", "polars")
    assert polars.shape[0] == 3 * found.finding_count
    assert set(found.to_frame("codes")["code"]) == {"F401", "E711", "B006", "UP007"}


def test_a_frame_of_comparisons_has_what_each_tells(found: Experiment) -> None:
    frame = found.to_frame("comparisons")
    assert frame["measure"].drop_duplicates().tolist() == ["fixed", "cost_usd", "seconds", "tokens"]
    assert frame[["a", "b"]].drop_duplicates().to_numpy().tolist() == [["low", "middle"], ["high", "middle"]]
    told = found.comparisons()[1]
    row = frame.iloc[1]
    assert (row["difference"], row["low"], row["high"]) == (
        told.difference,
        told.interval.low,
        told.interval.high,
    )
    assert row["different"]


def test_measures_that_nobody_told_are_not_compared() -> None:
    frame = experiment_of({"a": 0.2, "b": 0.8}).to_frame("comparisons")
    assert frame["measure"].tolist() == ["fixed", "seconds"]


def test_a_frame_that_there_is_not_is_refused(found: Experiment) -> None:
    with pytest.raises(UsageError, match="did you mean 'variants'"):
        found.to_frame("variant")  # type: ignore[arg-type]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_library_that_is_missing_is_named_with_its_extra(
    found: Experiment, library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    extra = {"pandas": "notebook", "polars": "polars"}[library]
    with pytest.raises(UsageError, match=rf"pip install 'stomper_sdk\[{extra}\]'"):
        found.to_frame("findings", library)


def test_plots_name_the_extra_that_is_missing(found: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, library, None)
    for plot in (found.plot_variants, found.plot_comparisons, found.plot_pareto, found.plot_codes):
        with pytest.raises(UsageError, match=r"pip install 'stomper_sdk\[notebook\]'"):
            plot()


def test_plots_are_figures_that_nothing_shows_by_itself(found: Experiment) -> None:
    for plot in (found.plot_variants, found.plot_comparisons, found.plot_pareto, found.plot_codes):
        assert plot()._repr_png_().startswith(b"\x89PNG")
    assert "matplotlib.pyplot" not in sys.modules


def test_the_plot_of_variants_counts_and_says_why_one_failed(found: Experiment) -> None:
    said = texts(found.plot_variants())
    assert {"low", "middle", "high", "broken", "failed: no such model"} <= set(said)
    assert f"{found.table('high').total.fixed:.0f} of 120" in said


def test_the_plot_of_comparisons_says_in_words_what_differs(found: Experiment) -> None:
    equal = experiment_of({"a": 0.5, "b": 0.5})
    assert [text for text in texts(equal.plot_comparisons()) if "seen" in text]
    figure = found.plot_comparisons()
    assert sum(text.startswith("different\np = ") for text in texts(figure)) == 2
    low, high = figure.axes[0].get_xlim()
    assert low == -high
    assert high >= 100 * max(it.interval.high for it in found.comparisons())
    assert "US dollars more for each finding" in " ".join(texts(found.plot_comparisons("cost_usd")))


def test_an_experiment_that_was_looked_at_tells_what_the_looks_decided() -> None:
    """A test that knows nothing of the looks finds a difference too often."""
    found = experiment_of({"a": 0.5, "b": 0.9, "c": 0.9})
    first = Decision("a", "b", False, False, -0.3, Interval(-0.9, 0.3), None, 1, 12, 4, 0.001)
    clear = Decision("a", "b", True, True, -0.4, Interval(-0.6, -0.2), 0.001, 2, 24, 8, 0.01)
    open_ = Decision("b", "c", False, False, 0.01, Interval(-0.3, 0.3), None, 2, 24, 8, 0.01)
    variants = tuple(attrs.evolve(it, status="unfinished") for it in found.variants)
    assert "<td>a (unfinished)</td>" in attrs.evolve(found, variants=variants)._repr_html_()
    looked = attrs.evolve(
        found, status="decided", stop="sequential", variants=variants, decisions=(first, clear, open_)
    )
    figure = looked.plot_comparisons()
    said = texts(figure)
    assert "different\np = 0.003" in said
    assert "not clear yet" in said
    assert "points more findings fixed, with intervals that hold at all looks at 95 %" in said
    page, report = looked._repr_html_(), report_html(looked)
    for text in (clear.text, open_.text):
        assert html.escape(text) in page
    assert found.comparisons()[0].text not in page
    assert "unfinished" not in page
    assert "not clear yet" in report
    assert "at 95 % of 3 comparisons together, at all looks." in report
    assert "at 95 % of 3 comparisons together (Holm)." in report  # of seconds


def test_of_many_pairs_the_plot_shows_those_that_are_told_apart_best() -> None:
    many = experiment_of({f"v{n}": n / 12 for n in range(12)}, files=8)
    figure = many.plot_comparisons()
    assert "60 of 66 pairs" in figure.axes[0].get_title()
    assert len(figure.axes[0].get_yticks()) == 60


def test_the_front_has_those_that_none_beats() -> None:
    points = {"cheap": (1.0, 0.2), "dear": (3.0, 0.9), "beaten": (3.0, 0.5), "equal": (1.0, 0.2)}
    assert front_of(points) == {"cheap", "dear", "equal"}


def test_the_plot_of_costs_marks_the_front_and_says_what_is_not_known(found: Experiment) -> None:
    said = texts(found.plot_pareto())
    assert {"1  high (front)", "2  middle", "3  low (front)"} <= set(said)
    assert "US dollars for each finding" in said
    silent = experiment_of(RATES)
    assert "seconds for each finding (what it cost is not known of all)" in texts(silent.plot_pareto())
    with pytest.raises(UsageError, match=r"no variant told its US dollars\nSeconds are always known"):
        silent.plot_pareto("cost_usd")
    some = experiment_of(RATES, costs={"low": 0.01, "high": 0.02})
    assert "not told: middle" in some.plot_pareto("cost_usd").axes[0].get_title()
    with pytest.raises(UsageError, match="did you mean 'seconds'"):
        found.plot_pareto("second")  # type: ignore[arg-type]


def test_the_plot_of_codes_has_the_most_frequent_with_their_counts() -> None:
    codes = [f"C{n:02}" for n in range(38)]
    figure = experiment_of({"a": 1.0, "b": 0.0}, codes=[*codes, "C30", "C30"]).plot_codes()
    assert "25 of 38 codes" in figure.axes[0].get_title()
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["a", "b"]
    assert next(iter(figure.axes[0].get_yticklabels())).get_text() == "C30"
    assert {"100 %, 9 of 9", "0 %, 0 of 9", "100 %, 3 of 3"} <= set(texts(figure))
    wide = experiment_of(dict.fromkeys("abc", 1.0), codes=["C1", "C2"]).plot_codes()
    assert [label.get_text() for label in wide.axes[0].get_xticklabels()] == ["C1", "C2"]


def test_an_experiment_of_which_nothing_came_is_shown_with_its_reasons() -> None:
    none = experiment_of({}, failed={"a": "no such model", "b": "no such model"})
    assert "failed: no such model" in texts(none.plot_variants())
    assert "a failed: no such model" in none._repr_html_()
    assert "a failed: no such model" in report_html(none)
    assert none.to_frame()["rate"].isna().all()
    assert none.to_frame("comparisons").empty
    for plot in (none.plot_pareto, none.plot_codes):
        with pytest.raises(UsageError, match="no variant was tried to any end\na failed: no such model"):
            plot()
    with pytest.raises(UsageError, match="no two variants"):
        none.plot_comparisons()


@pytest.mark.parametrize("count", [2, 30])
def test_many_variants_with_long_names_keep_what_tells_them_apart(count: int) -> None:
    rates = {f"strategy=escalate, model={'m' * 80}, attempts={n}": 0.5 for n in range(count)}
    found = experiment_of(rates, files=6, costs=dict.fromkeys(rates, 0.1), against=next(iter(rates)))
    for plot in (found.plot_variants, found.plot_comparisons, found.plot_pareto, found.plot_codes):
        figure = plot()
        assert [text for text in texts(figure) if f"attempts={count - 1}" in text]
        width, height = figure.get_size_inches()
        assert max(width, height) <= 40


def speeds(**more: Any) -> Experiment:
    seconds = {"1": 4.0, "2": 2.1, "4": 1.0}
    return experiment_of(
        dict.fromkeys(seconds, 1.0),
        files=4,
        overrides={name: {KEY: int(name)} for name in seconds},
        seconds=seconds,
        **more,
    )


def test_a_speed_up_is_measured_from_the_narrowest_and_stands_beside_the_ideal() -> None:
    figure = speeds().plot_speedup()
    ideal, measured = (list(line.get_ydata()) for line in figure.axes[0].get_lines())
    assert ideal == [1, 2, 4]
    assert measured == pytest.approx([1, 4 / 2.1, 4])
    assert any(text.startswith("1.90x, 8.4 s\npeak ") for text in texts(figure))
    assert "range of repeats" in texts(speeds(repeats=2).plot_speedup())


def test_a_speed_up_of_something_else_says_what_it_needs(found: Experiment) -> None:
    with pytest.raises(UsageError, match=r"nothing else\nGive matrix=.*max_parallel_files"):
        found.plot_speedup()
    whole = speeds()
    lost = attrs.evolve(whole.variants[0], status="failed", reason="no such model")
    rest = attrs.evolve(whole, variants=(lost, attrs.evolve(lost, name="2"), whole.variants[2]))
    with pytest.raises(UsageError, match="two variants that came to their end\n1: no such model"):
        rest.plot_speedup()


def test_a_page_has_no_element_of_a_hostile_name() -> None:
    found = experiment_of(
        {HOSTILE: 0.5, "b": 0.5},
        failed={f"{HOSTILE} 2": HOSTILE},
        codes=[HOSTILE],
        names=f"{HOSTILE}{{}}.py",
        notices=[HOSTILE],
    )
    told, needed = found.compare(HOSTILE, "b"), found.size(0.2)
    for page in (it._repr_html_() for it in (found, told, needed)):
        assert "<img" not in page
        assert "\u202e" not in page
        assert "<script" not in page
    assert found._repr_html_().count("&lt;img src=x") > 5
    assert all(len(repr(it)) < 400 for it in (found, told, needed))
    for plot in (found.plot_variants, found.plot_comparisons, found.plot_pareto, found.plot_codes):
        assert plot()._repr_png_().startswith(b"\x89PNG")


def test_a_page_tells_variants_and_what_tells_them_apart(found: Experiment) -> None:
    page = found._repr_html_()
    assert "broken failed: no such model" in page
    assert "<td>broken (failed)</td><td></td>" in page
    assert f"{found.table('high').total.fixed:.0f} of 120" in page
    assert "high fixes " in page
    assert "40 files</summary>" in page


def test_a_thousand_files_stay_small() -> None:
    for count, each in ((2, 1000), (30, 200)):
        found = experiment_of({f"v{n}": 0.5 for n in range(count)}, files=each, each=1)
        assert len(found._repr_html_()) < 300_000
        assert "more</p>" in found._repr_html_()


def test_without_statistics_a_page_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for library in ("scipy", "scipy.stats"):
        monkeypatch.setitem(sys.modules, library, None)
    page = experiment_of(RATES)._repr_html_()
    assert "pip install &#x27;stomper_sdk[experiments]&#x27;" in page
    assert "<td>middle</td>" in page


def test_a_story_is_of_the_variant_that_was_tried(new_checkout: Any, tmp_path: Path) -> None:
    user = new_checkout(tmp_path / "repo", files(3))
    variants = {"all": {"agents.main": drops()}, "none": {"agents.main": drops([])}}
    found = stomper_sdk.experiment(PIPELINE, variants=variants, repeats=2, repo=user.root)
    told = found.explain("f01.py", "all", 1)
    assert "-import os" in str(told.diff)
    assert "F401" in told.file.attempts[0].prompt
    assert "attempt 1, main" in repr(told)
    assert "<ins>" not in found.explain("f01.py", "none")._repr_html_()
    with pytest.raises(UsageError, match=r"variant 'all' was not tried on 'f1.py'; did you mean 'f01.py'"):
        found.explain("f1.py", "all")
    with pytest.raises(UsageError, match="no variant 'al'; did you mean 'all'"):
        found.explain("f01.py", "al")


def test_measured_speeds_have_the_peak_that_was_seen(new_checkout: Any, tmp_path: Path) -> None:
    user = new_checkout(tmp_path / "repo", files(4))
    found = stomper_sdk.experiment(PIPELINE, matrix={KEY: [3, 1]}, agents={"main": drops()}, repo=user.root)
    speeds = speeds_of(found)
    assert [(it.limit, it.peak <= it.limit) for it in speeds] == [(1, True), (3, True)]
    assert all(0 < it.mean < found.duration_seconds for it in speeds)
