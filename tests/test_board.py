"""An experiment while it goes on: what is drawn of it, how often, and what it costs who is tried."""

from __future__ import annotations

import re
import threading
import time
from functools import partial
from io import StringIO

import pytest

from stomper_sdk.console.board import Board, LinesEasel, LiveEasel, picture, summary
from stomper_sdk.console.stream import Stream
from stomper_sdk.laboratory.progress import ExperimentProgress, Tally
from stomper_sdk.model.price import Spending
from stomper_sdk.reports.layout import columns_of
from tests.test_console import drained
from tests.test_console import terminal as terminal

PROGRESS = ExperimentProgress(
    "at work",
    30.0,
    working=3,
    variants={
        "good": Tally(4, 4, findings=16, fixed=12, planned=16, seconds=40.0, status="completed"),
        "bad \x1b[2J": Tally(runs=1, total=4, files=2, findings=4, fixed=0, planned=16, seconds=10.0),
        "broken": Tally(total=4, planned=16, status="failed"),
    },
    spent=Spending(1000, 234, 0.5),
    notices=("a notice",),
)


def test_the_picture_tells_how_far_each_variant_is_and_the_whole() -> None:
    assert picture(PROGRESS, 2.0, 100).splitlines() == [
        "notice: a notice",
        "good         4 of 4 runs  12 of 16 findings fixed  completed",
        "bad \\x1b[2J  1 of 4 runs  0 of 4 findings fixed",
        "broken       0 of 4 runs  0 of 0 findings fixed  failed",
        "at work  5 of 12 runs  1,234 tokens  $0.50  32 s  3 files at work  about 19 s to go",
    ]
    assert summary(PROGRESS) == "at work  5 of 12 runs  1,234 tokens  $0.50  30 s"


@pytest.mark.parametrize("width", [20, 40, 80])
def test_the_picture_fits_any_terminal_and_says_what_has_no_room(width: int) -> None:
    many = {f"variant of a long name {n} \u4e16\u754c": Tally(total=4) for n in range(50)}
    lines = picture(ExperimentProgress("at work", variants=many), 0.0, width, 10).splitlines()
    assert len(lines) == 10
    assert max(map(columns_of, lines)) <= width
    assert "and 42 more variants" in lines


def test_the_picture_does_without_unicode() -> None:
    many = {"\u4e16\u754c and a name that is cut": Tally(total=4)}
    shown = picture(ExperimentProgress("at work", variants=many), 0.0, 60, 10, "ascii")
    assert shown.splitlines()[0] == "\\u4e16\\u754c and a name~  0 of 4 runs  0 of 0 findings fixed"


def test_the_time_to_go_is_guessed_from_how_slow_each_variant_was_since_it_was_gone_on_with() -> None:
    def to_go(before: float, **more: Tally) -> float | None:
        return ExperimentProgress(seconds=10.0, variants=more, before=before).to_go()

    fast = Tally(findings=40, planned=40, seconds=4.0, status="completed")
    slow = Tally(findings=10, planned=40, seconds=16.0)
    # 48 seconds of work are left, of which two are done in a second.
    assert to_go(0.0, fast=fast, slow=slow) == 24.0
    assert to_go(10.0, fast=fast, slow=slow) == 48.0
    assert to_go(0.0, fast=fast, slow=slow, failed=Tally(planned=40, status="failed")) == 24.0
    assert to_go(0.0, fast=fast, untried=Tally(planned=10)) == 2.5
    assert to_go(20.0, fast=fast, slow=slow) is None
    assert to_go(0.0, fast=fast) is None


def test_where_there_is_no_terminal_a_line_tells_of_each_run_that_ended() -> None:
    out = StringIO()
    with Board(partial(LinesEasel, Stream(out))) as board:
        board.see(PROGRESS)
        time.sleep(0.3)
        board.see(PROGRESS)
        board.stopping()
    assert out.getvalue().splitlines() == [
        "good  4 of 4 runs  12 of 16 findings fixed  completed",
        "bad \\x1b[2J  1 of 4 runs  0 of 4 findings fixed",
        "broken  0 of 4 runs  0 of 0 findings fixed  failed",
        "finishing 3 files at work; press Ctrl-C again to cancel",
    ]


def test_a_terminal_is_drawn_at_most_eight_times_a_second_and_left_empty(
    terminal: tuple[Stream, int],
) -> None:
    stream, primary = terminal
    started = time.monotonic()
    with Board(partial(LiveEasel, stream)) as board:
        for number in range(100):
            board.see(ExperimentProgress(f"stage_{number}"))
            time.sleep(0.005)
        board.stopping()
    periods = (time.monotonic() - started) * 8
    shown = drained(primary)
    assert 1 < len(set(re.findall(r"stage_\d+", shown))) <= periods + 1
    assert "stopping; press Ctrl-C again to cancel" in shown
    assert "\x1b[?25h" in shown.rpartition("stage_99")[2]


def test_a_stopped_terminal_holds_up_nobody() -> None:
    released, touched = threading.Event(), threading.Event()

    class Stuck(StringIO):
        def write(self, text: str) -> int:
            touched.set()
            released.wait(10)
            return super().write(text)

    out = Stuck()
    with Board(partial(LinesEasel, Stream(out))) as board:
        board.see(PROGRESS)
        assert touched.wait(5)
        for _ in range(10_000):
            board.see(PROGRESS)
        released.set()
    assert len(out.getvalue().splitlines()) == 3
