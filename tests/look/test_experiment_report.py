"""The report of an experiment: whole, small, and read in a browser in light and dark, under attack, too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import attrs
import pytest

from stomper_sdk.errors import StomperError
from stomper_sdk.look.experiment import report_html
from tests.browser import Browser
from tests.look.made import experiment_of
from tests.look.test_browser import CONTRAST, EVIL

KEY = "parallelism.max_parallel_files"
RATES = {"low": 0.2, EVIL: 0.5, "high": 0.9}
ROWS = "#files tbody tr"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    found = experiment_of(
        RATES,
        costs=dict.fromkeys(RATES, 0.02),
        failed={f"{EVIL} again": EVIL},
        codes=["F401", EVIL],
        names=f"{EVIL}\u202e{{}}.py",
        notices=[EVIL],
        overrides={"low": {"agents.main.command": EVIL}},
    )
    attrs.evolve(found, name=EVIL).save_report(tmp_path / "report.html")
    return tmp_path / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_a_word_or_a_request_and_nothing_hostile_runs(
    scheme: Literal["light", "dark"], browser: Browser, report: Path
) -> None:
    browser.open(report, scheme)
    assert browser.complaints() == []
    assert browser.requests() == [report.as_uri()]
    assert browser.ask("typeof hacked") == "undefined"
    assert browser.ask("document.scripts.length") == 1
    assert (
        browser.ask("document.querySelectorAll('img, iframe, link, [style], [onload], [onerror]').length")
        == 0
    )
    text = browser.find("body").text
    assert text.count(EVIL) > 20
    assert "\u202e" not in text
    assert browser.ask(CONTRAST) >= 4.5


def test_files_are_searched(browser: Browser, report: Path) -> None:
    browser.open(report)
    assert len(browser.shown(ROWS)) == 40
    browser.find("#files input").send_keys("39.py")
    assert len(browser.shown(ROWS)) == 1
    assert browser.find("#files output").text == "1 of 40"


def test_a_narrow_screen_shows_it_without_moving_sideways(browser: Browser, report: Path) -> None:
    browser.open(report, width=360)
    assert browser.ask("document.documentElement.scrollWidth") <= 360


def test_it_draws_what_its_tables_tell(browser: Browser, tmp_path: Path) -> None:
    found = experiment_of({"low": 0.2, "high": 0.9}, costs={"low": 0.01, "high": 0.02}, repeats=2)
    found.save_report(tmp_path / "report.html")
    browser.open(tmp_path / "report.html")
    rows = [row.text for row in browser.shown("#comparisons tbody tr")]
    assert rows[0].startswith("low\nless high different -")
    assert len(browser.shown("#comparisons circle.sure")) == sum("no difference" not in row for row in rows)
    assert len(browser.shown("#variants svg.reach")) == 2
    assert [dot.text for dot in browser.shown("#taken text.number")] == ["1", "2"]
    dearest, best = (browser.find(f"#taken circle:nth-of-type({n})").location["x"] for n in (1, 2))
    assert dearest > best
    row = browser.shown("#taken tbody tr")[0].text
    assert re.fullmatch(r"1 high 0\.00\d+ 8\d\.\d % on the front", row)
    assert browser.shown("#speedup") == []


def test_the_speed_up_is_told_where_that_was_tried() -> None:
    seconds = {"1": 4.0, "2": 2.0, "4": 2.0}
    overrides = {name: {KEY: int(name)} for name in seconds}
    page = report_html(
        experiment_of(dict.fromkeys(seconds, 1.0), files=4, overrides=overrides, seconds=seconds)
    )
    assert "Speed-up</a>" in page
    told = page.partition('id="speedup"')[2].partition("</section>")[0]
    assert '<td class="n">2.00</td><td class="n">4</td>' in told
    assert " 50 %</td>" in told


def test_a_failed_variant_has_no_numbers_and_says_why() -> None:
    page = report_html(experiment_of({"a": 0.5}, failed={"b": "no such model"}))
    assert "b failed: no such model" in page
    assert f"<td>b (failed)</td>{'<td></td>' * 12}" in page
    assert "There is nothing to compare." in page


def test_a_size_that_could_have_seen_nothing_is_told() -> None:
    page = report_html(experiment_of({"a": 0.5, "b": 0.5}, files=3))
    assert '<td class="n">nothing</td>' in page


def test_a_report_of_very_many_files_stays_below_2_mb() -> None:
    page = report_html(experiment_of({"a": 0.5}, failed={"b": "no such model"}, files=7000, each=1))
    assert len(page.encode()) < 2_000_000
    assert "and 1,000 more</p>" in page


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StomperError, match=r"report\.html cannot be written: "):
        experiment_of({"a": 0.2, "b": 0.3}, files=3).save_report(tmp_path / "no" / "report.html")
