import html.parser
from collections.abc import Callable

from stomper_sdk.model.present import seconds_text, visible
from stomper_sdk.model.result import FileResult, RunResult

HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e&.py"


class Reader(html.parser.HTMLParser):
    """The tags and the text of a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_repr_is_one_short_line(mixed: RunResult) -> None:
    assert repr(mixed) == (
        "<RunResult stomper-20260101-120000-ab12 completed: 1 file fixed, 1 partial, 1 rejected; "
        "2 findings fixed, 2 left; 4.2 s>"
    )


def test_the_repr_of_an_empty_run(make_result: Callable[..., RunResult]) -> None:
    assert "completed: no files; 0 findings fixed" in repr(make_result())


def test_the_table_has_a_row_for_each_file(mixed: RunResult) -> None:
    table = Reader(mixed._repr_html_())
    assert table.tags.count("tr") == 1 + 3
    assert "test_c failed" in table.text


def test_nothing_in_the_table_is_obeyed(make_result: Callable[..., RunResult]) -> None:
    table = Reader(make_result(files=(FileResult(HOSTILE, "error", HOSTILE),))._repr_html_())
    known = {
        "div",
        "p",
        "b",
        "span",
        "details",
        "summary",
        "style",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
    assert set(table.tags) == known
    assert table.text.count("<script>alert(1)</script>\\x1b[2J\\u202e&.py") == 2


def test_a_long_table_is_cut_with_a_word(make_result: Callable[..., RunResult]) -> None:
    files = tuple(FileResult(f"{number}.py", "fixed") for number in range(5000))
    text = make_result(files=files)._repr_html_()
    assert len(text) < 40_000
    assert "and 4800 more" in text


def test_what_could_mislead_becomes_visible() -> None:
    assert visible("plain ünïcode 漢字.py") == "plain ünïcode 漢字.py"
    assert visible("a\tb\x7f\u200b\u2066\udce9") == "a\\tb\\x7f\\u200b\\u2066\\udce9"


def test_seconds_for_people() -> None:
    texts = [seconds_text(seconds) for seconds in (0, 1.24, 12.4, 59.9, 185, 3729)]
    assert texts == ["0.0 s", "1.2 s", "12 s", "1:00 min", "3:05 min", "1:02:09 h"]
