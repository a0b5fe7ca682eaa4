import contextlib
import os
import pty
import threading
import time
from collections.abc import Iterator
from functools import partial
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
from rich.cells import cell_len

from stomper_sdk.console.display import Display
from stomper_sdk.console.frame import draw
from stomper_sdk.console.lines import Verbosity, lines_of, stopping_line
from stomper_sdk.console.screen import LiveScreen, PlainScreen
from stomper_sdk.console.stream import Stream
from stomper_sdk.errors import StomperError
from stomper_sdk.events import (
    AttemptFinished,
    AttemptStarted,
    Event,
    FileFinished,
    FileStarted,
    Notice,
    PlanMade,
    RunStarted,
    StageFinished,
    StageStarted,
)
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.plan import FileTask, Plan
from stomper_sdk.model.result import Attempt, FileResult
from stomper_sdk.progress import Progress, Work, advance

FINDING = Finding("ruff", "F401", "`os` imported but unused", "a.py", 1)
TRIED = Attempt(2, "builtin", "normal", "tests_failed", 0.5, reason="test_a\nfailed")
FIXED = FileResult("a.py", "fixed", commit="c" * 40, duration_seconds=1.2, fixed=(FINDING,))
BROKEN = FileResult("b.py", "error", "no room", duration_seconds=0.1)
PLAN = Plan("abc", (FileTask(0, "a.py", (FINDING,)), FileTask(1, "b.py", (FINDING,))), (), ())
STORY: tuple[Event, ...] = (
    RunStarted(0.0, "stomper-1", "default"),
    StageStarted(0.0, None, "collect_errors"),
    PlanMade(1.0, PLAN),
    FileStarted(1.0, "a.py"),
    StageStarted(1.0, "a.py", "create_worktree"),
    AttemptStarted(1.5, "a.py", 2),
    StageStarted(2.0, "a.py", "call_agent"),
    FileStarted(2.0, "b.py"),
)


def told(*events: Event) -> Progress:
    progress = Progress()
    for event in events:
        progress = advance(progress, event)
    return progress


def test_the_state_follows_the_events() -> None:
    progress = told(*STORY)
    assert (progress.total, progress.findings, progress.left) == (2, 2, 2)
    assert progress.working == {"a.py": Work("a.py", 2.0, "call_agent", 2), "b.py": Work("b.py", 2.0)}
    after = told(*STORY, FileFinished(3.0, FIXED))
    assert (after.done, after.fixed, after.left, list(after.working)) == (1, 1, 1, ["b.py"])


def test_the_picture_names_file_stage_attempt_and_seconds() -> None:
    lines = draw(told(*STORY, FileFinished(3.0, BROKEN)), 7.0, 80, 24).splitlines()
    assert lines[0].split("  ")[0] == "a.py"
    assert lines[0].split()[1:] == ["call_agent", "attempt", "2", "0:05"]
    assert lines[1].startswith("━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌  1/2 files")
    assert lines[1].endswith("0 fixed, 2 left  0:07, about 0:06 to go")


def test_before_the_plan_the_picture_shows_the_stage_of_the_run() -> None:
    assert draw(told(*STORY[:2]), 65.0, 80, 24).split() == ["collect_errors", "1:05"]


def test_after_the_files_the_picture_does_not_fall_back_to_the_stage_before_them() -> None:
    ended = (*STORY, FileFinished(3.0, FIXED), FileFinished(4.0, BROKEN))
    assert "collect_errors" not in draw(told(*ended), 5.0, 80, 24)
    assert "cleanup" in draw(told(*ended, StageStarted(4.0, None, "cleanup")), 5.0, 80, 24)


@pytest.mark.parametrize("width", [120, 80, 40, 25])
def test_the_picture_fits_any_terminal(width: int) -> None:
    names = [f"src/{'deep/' * 30}漢字{number}.py" for number in range(40)]
    tasks = tuple(FileTask(number, name, (FINDING,) * 100) for number, name in enumerate(names))
    planned = PlanMade(0.0, Plan("abc", tasks, (), ()))
    progress = told(planned, *(StageStarted(1.0, name, "destroy_worktree") for name in names))
    lines = draw(progress, 900.0, width, 24).splitlines()
    shown = sum("destr" in line for line in lines)
    assert len(lines) == 23
    assert max(map(cell_len, lines)) <= width
    assert f"and {40 - shown} more at work" in lines
    assert lines[0].startswith("…")
    assert "0.py " in lines[0]


def test_the_picture_does_without_unicode() -> None:
    assert draw(told(*STORY, FileFinished(3.0, FIXED)), 4.0, 80, 24, "#-~").isascii()


def test_a_name_in_the_picture_is_not_obeyed() -> None:
    name = "\x1b[2J\n\u202egnp.py"
    line, *_ = draw(told(FileStarted(0.0, name)), 0.0, 80, 24).splitlines()
    assert line.startswith("\\x1b[2J\\n\\u202egnp.py")


@pytest.mark.parametrize(
    ("verbosity", "expected"),
    [
        ("quiet", ["error    b.py"]),
        ("live", ["notice   hm"]),
        ("lines", ["notice   hm", "fixed    a.py  1 fixed  1.2 s", "error    b.py"]),
        (
            "verbose",
            [
                "notice   hm",
                "  stage  a.py  call_agent  0.5 s",
                "  try 2  a.py  builtin, normal: tests_failed  0.5 s  test_a failed",
                "fixed    a.py  1 fixed  1.2 s",
                "error    b.py",
            ],
        ),
    ],
)
def test_which_lines_are_printed(verbosity: Verbosity, expected: list[str]) -> None:
    events = (
        Notice(0.0, "hm"),
        StageFinished(1.0, "a.py", "call_agent", 0.5),
        AttemptFinished(1.0, "a.py", TRIED),
        FileFinished(2.0, FIXED),
        FileFinished(2.0, BROKEN),
    )
    lines = [line for event in events for line in lines_of(event, verbosity)]
    assert [line.removesuffix("  0.1 s  no room") for line in lines] == expected


def test_the_answer_to_an_interrupt_counts_what_is_at_work() -> None:
    assert stopping_line(told(*STORY)) == "finishing 2 files at work; press Ctrl-C again to cancel"
    assert stopping_line(Progress()) == "stopping; press Ctrl-C again to cancel"


def test_the_display_prints_in_order() -> None:
    out = StringIO()
    with Display(partial(PlainScreen, Stream(out)), "lines") as display:
        for event in (*STORY, Notice(2.0, "hm"), FileFinished(3.0, FIXED)):
            display.listen(event)
        display.stopping()
    assert out.getvalue().splitlines() == [
        "notice   hm",
        "fixed    a.py  1 fixed  1.2 s",
        "finishing 1 file at work; press Ctrl-C again to cancel",
    ]
    assert display.notices == {"hm"}


class Stuck(StringIO):
    """A terminal whose user has pressed Ctrl-S."""

    def __init__(self) -> None:
        super().__init__()
        self.touched, self.released = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.touched.set()
        self.released.wait(10)
        return super().write(text)


def test_a_stopped_terminal_does_not_hold_up_the_run() -> None:
    out = Stuck()
    with Display(partial(PlainScreen, Stream(out)), "lines") as display:
        display.listen(FileFinished(0.0, FIXED))
        assert out.touched.wait(5)
        for _ in range(1000):
            display.listen(FileFinished(0.0, FIXED))
        out.released.set()
    assert len(out.getvalue().splitlines()) == 1001


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Stream, int]]:
    """A stream on a pseudo-terminal of 80 columns, and the descriptor to read what it shows."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.delenv("NO_COLOR", raising=False)
    primary, secondary = pty.openpty()
    with os.fdopen(secondary, "w") as file:
        yield Stream(file), primary
    os.close(primary)


def drained(primary: int) -> str:
    """All that a terminal was sent; it gives no more than a part at a time."""
    os.set_blocking(primary, False)
    parts = []
    with contextlib.suppress(BlockingIOError):
        while part := os.read(primary, 65536):
            parts.append(part)
    return b"".join(parts).decode()


def test_the_live_display_draws_and_leaves_only_the_lines(terminal: tuple[Stream, int]) -> None:
    stream, primary = terminal
    with Display(partial(LiveScreen, stream), "live") as display:
        for event in STORY:
            display.listen(event)
        time.sleep(0.3)
        display.listen(Notice(3.0, "hm"))
    shown = drained(primary)
    assert "call_agent" in shown
    before, _, after = shown.rpartition("hm")
    assert "\x1b[2K" in before, "the picture was not taken away before the line"
    assert after.rstrip().endswith("\x1b[2K") or "\x1b[?25h" in after


def test_the_live_display_draws_at_most_eight_times_a_second(terminal: tuple[Stream, int]) -> None:
    stream, primary = terminal
    started = time.monotonic()
    with Display(partial(LiveScreen, stream), "live") as display:
        display.listen(STORY[2])
        for number in range(100):
            display.listen(StageStarted(0.0, "a.py", f"stage_{number}"))
            time.sleep(0.005)
    periods = (time.monotonic() - started) * 8
    assert 1 < drained(primary).count("stage_") <= periods + 3


def test_a_closed_pipe_mutes_the_stream() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as file:
        stream = Stream(file)
        os.close(reading)
        assert stream.write("nobody reads\n") == 13
        stream.write("this neither\n")
        assert not stream.isatty()


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_what_a_stream_has_no_bytes_for_is_escaped(errors: str) -> None:
    raw = BytesIO()
    file = TextIOWrapper(raw, "ascii", errors)
    Stream(file, strict=True).write("\u4e16 and \u2026\n")
    assert raw.getvalue() == b"\\u4e16 and \\u2026\n"


def test_a_full_disk_under_a_result_is_an_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as file, pytest.raises(StomperError, match="No space left"):
        Stream(file, strict=True).write("{}")


def test_a_missing_stream_takes_everything() -> None:
    stream = Stream(None)
    assert stream.write("x") == 1
    with pytest.raises(OSError, match="closed"):
        stream.fileno()
