import html.parser
import re
from collections.abc import Callable
from typing import Any

import pytest
from markdown_it import MarkdownIt

from stomper_sdk.model.finding import Finding
from stomper_sdk.model.result import FileResult, FindingEnd, RunResult
from stomper_sdk.reports import github_annotations, github_outputs, github_summary

MEBIBYTE = 1024 * 1024
INJECTIONS = (
    "a\n::set-output name=x::y",
    "a\r\n  ::stop-commands::token",
    "a\u2028::error::x",
    "::error::\x1b[2J",
)
MARKUP = "|x|`<script>alert(1)</script>`**[a](http://b.c)**\\|&amp;_y_ #1 @you www.b.c.py"

Make = Callable[..., Any]


class Page(html.parser.HTMLParser):
    """What a reader sees of Markdown: the rows of its tables, the tags, and the whole text."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._cell = False
        self.feed(MarkdownIt("commonmark").enable("table").render(markdown))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell:
            self.rows[-1][-1] += data


def command(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it: name, properties, message."""
    match = re.fullmatch(r"::(\w+) (.*?)::(.*)", line)
    assert match, line
    pairs = (pair.partition("=") for pair in match[2].split(","))
    return match[1], {name: unescaped(value) for name, _, value in pairs}, unescaped(match[3])


def unescaped(text: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def ends(finding: Finding, count: int = 1, status: Any = "remaining") -> tuple[FindingEnd, ...]:
    return (FindingEnd(finding, status),) * count


def test_what_is_left_and_what_failed_is_annotated(mixed: RunResult) -> None:
    assert github_annotations(mixed).splitlines() == [
        "::error file=b.py,title=ruff E722::`os` imported but unused",
        "::error file=c.py,line=3,col=8,title=ruff F401::`os` imported but unused",
        "::warning file=c.py,title=stomper_sdk%3A rejected::test_c failed",
    ]


def test_a_column_is_told_with_its_line_only(make_result: Make, make_finding: Make) -> None:
    result = make_result(findings=ends(make_finding(line=None)))
    assert github_annotations(result).startswith("::error file=a.py,title=")
    assert "a.py" in [row[0] for row in Page(github_summary(result)).rows]


def test_nothing_left_is_nothing_said(make_result: Make, make_finding: Make) -> None:
    findings = (*ends(make_finding(), status="fixed"), FindingEnd(make_finding(), "skipped", gone=True))
    assert github_annotations(make_result(findings=findings)) == ""


def test_the_worst_comes_first(make_result: Make, make_finding: Make) -> None:
    findings = (
        *ends(make_finding("a.py", severity="info")),
        *ends(make_finding("b.py", severity="warning")),
        *ends(make_finding("c.py")),
        *ends(make_finding("d.py"), status="new"),
    )
    files = (FileResult("e.py", "conflict", "it moved on"),)
    result = make_result(
        findings=findings, files=files, tests="1 failed", tests_failed=True, error="ruff crashed"
    )
    told = [command(line) for line in github_annotations(result).splitlines()]
    assert [(kind, where.get("file"), where["title"]) for kind, where, _ in told] == [
        ("error", None, "stomper_sdk"),
        ("error", None, "stomper_sdk: tests at the end"),
        ("error", "e.py", "stomper_sdk: conflict"),
        ("error", "d.py", "ruff F401, new with a fix"),
        ("error", "c.py", "ruff F401"),
        ("warning", "b.py", "ruff F401"),
        ("notice", "a.py", "ruff F401"),
    ]


def test_names_and_messages_come_through_the_escapes(make_result: Make) -> None:
    finding = Finding("my:check", "A,1", "50% of\r\nall: this, %0A too", "a,b:c%2C=\n.py", 1, 2)
    (line,) = github_annotations(make_result(findings=ends(finding))).splitlines()
    kind, where, message = command(line)
    assert (kind, where["file"], where["line"], where["col"]) == ("error", finding.path, "1", "2")
    assert (where["title"], message) == ("my:check A,1", finding.message)


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_text_becomes_a_command(text: str, make_result: Make) -> None:
    finding = Finding(text, text, text, text, 1)
    result = make_result(
        findings=ends(finding),
        files=(FileResult(text, "error", text),),
        tests=text,
        tests_failed=True,
        error=text,
    )
    lines = re.split(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]", github_annotations(result))
    assert len(lines) == 4
    assert all(line.startswith("::error ") and line.isprintable() for line in lines)


def test_a_name_that_is_not_utf8_can_be_printed(make_result: Make, make_finding: Make) -> None:
    result = make_result(findings=ends(make_finding("caf\udce9.py")))
    assert github_annotations(result).encode().startswith(b"::error file=caf\\udce9.py,")
    assert "caf\\udce9.py" in Page(github_summary(result)).text


def test_the_summary_tells_all(mixed: RunResult) -> None:
    page = Page(github_summary(mixed))
    assert page.rows == [
        ["outcome", "file", "fixed", "left", "new", "commit", "reason"],
        ["rejected", "c.py", "0", "1", "0", "", "test_c failed"],
        ["fixed", "a.py", "1", "0", "0", "aaaaaaa", ""],
        ["partial", "b.py", "1", "1", "0", "bbbbbbb", "E722 is left"],
        ["place", "severity", "status", "check", "code", "message"],
        ["b.py", "error", "remaining", "ruff", "E722", "`os` imported but unused"],
        ["c.py:3:8", "error", "remaining", "ruff", "F401", "`os` imported but unused"],
    ]
    assert "completed: 1 file fixed, 1 partial, 1 rejected; 2 findings fixed, 2 left" in page.text
    assert page.tags.count("details") == 1
    assert "2 findings left" in page.text
    assert "two files were dirty" in page.text
    assert "$ git revert --no-edit 012345678901..fedcba9876fe" in page.text
    assert "annotations" not in page.text


def test_a_run_that_committed_nothing_has_nothing_to_undo(make_result: Make) -> None:
    page = Page(github_summary(make_result(error="ruff crashed", status="failed", exit_code=3)))
    assert "Error: ruff crashed" in page.text
    assert "revert" not in page.text
    assert page.rows == []


def test_nothing_in_the_summary_is_obeyed(make_result: Make) -> None:
    texts = {"error": MARKUP, "tests": MARKUP, "notices": (f"# {MARKUP}",), "pipeline": MARKUP}
    result = make_result(
        files=(FileResult(MARKUP, "error", MARKUP),),
        findings=ends(Finding(MARKUP, MARKUP, MARKUP, MARKUP)),
        **texts,
    )
    page = Page(github_summary(result))
    assert set(page.tags) <= {*("h3", "p", "strong", "ul", "li", "code", "details", "summary")} | {
        *("table", "thead", "tbody", "tr", "th", "td")
    }
    assert page.tags.count("strong") == 3
    assert page.rows[1] == ["error", MARKUP, "0", "0", "0", "", MARKUP]
    assert page.rows[3] == [MARKUP, "error", "remaining", MARKUP, MARKUP, MARKUP]
    assert page.text.count(MARKUP) == 10


def test_a_long_summary_is_cut_with_a_word(make_result: Make) -> None:
    finding = Finding("|" * 500, "|" * 500, "|" * 500, "|" * 500)
    files = tuple(FileResult("|" * 500, "error", "|" * 500, "a" * 40) for _ in range(500))
    result = make_result(
        files=files,
        findings=ends(finding, 500),
        notices=("|" * 999,) * 500,
        tests="|" * 999,
        error="|" * 9999,
    )
    text = github_summary(result)
    assert len(text.encode()) < MEBIBYTE
    page = Page(text)
    assert [row[1] for row in page.rows if row[0] == "…"] == ["and 400 more"] * 2
    assert "and 490 more" in page.text


@pytest.mark.parametrize(("count", "said"), [(10, False), (11, True)])
def test_annotations_that_are_not_shown_are_pointed_at(
    count: int, said: bool, make_result: Make, make_finding: Make
) -> None:
    text = github_summary(make_result(findings=ends(make_finding(), count)))
    assert ("GitHub shows 10 annotations of each kind" in text) is said


def test_the_outputs_of_a_step(mixed: RunResult) -> None:
    assert github_outputs(mixed) == "session=stomper-20260101-120000-ab12\nfixed=2\ncommits=2"
