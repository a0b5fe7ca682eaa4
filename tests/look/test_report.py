"""The report of a run: one file, whole, small, and true about what it leaves out."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

import stomper_sdk
from stomper_sdk import AgentReply, AgentTask, RunResult
from stomper_sdk.errors import StomperError
from stomper_sdk.look import report_html
from stomper_sdk.look.timeline import timeline
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.result import FindingEnd
from stomper_sdk.vcs import history

if TYPE_CHECKING:
    from tests.conftest import Checkout

HOSTILE = "<img src=x onerror=alert(1)>\u202e.py"
OVERRIDES = {"test_validation.mode": "none", "prompt.strategy": "escalate"}


def mending(task: AgentTask) -> AgentReply:
    """Fixes F401 at the second attempt, adds a new finding at the first."""
    file = task.workspace / task.path
    lines = [line for line in file.read_text().splitlines(keepends=True) if "import" not in line]
    file.write_text("".join(lines) + ("undefined_name\n" if task.attempt == 1 else ""))
    return AgentReply("</script><script>alert(2)</script>&lt;b&gt;", tokens_in=1200, tokens_out=34)


@pytest.fixture
def made(make_checkout: Callable[..., Checkout]) -> tuple[Checkout, RunResult]:
    files = {"a.py": "import os\n\ny = 1\n", "b.py": "import re\nprint(x)\n", HOSTILE: "import os\n"}
    repo = make_checkout(files)
    return repo, stomper_sdk.run("default", repo=repo.root, agents={"builtin": mending}, overrides=OVERRIDES)


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of its style and its script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.found[-1][0] if self.found else "", []).append(data)


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_a_page_holds_nothing_that_its_policy_does_not_name(made: tuple[Checkout, RunResult]) -> None:
    page = report_html(made[1])
    elements = Elements(page)
    tags = [tag for tag, _ in elements.found]
    assert (tags.count("script"), tags.count("style")) == (1, 1)
    assert not {"img", "link", "iframe", "object", "embed", "base"} & set(tags)
    for _, attributes in elements.found:
        assert not any(name == "style" or name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
        assert "src" not in attributes
    policy = next(them["content"] for _, them in elements.found if "http-equiv" in them) or ""
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        text = page.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        assert f"{tag}-src 'sha256-{digest(text)}'" in policy
    assert "\u202e" not in page


def test_everything_of_a_run_is_told(made: tuple[Checkout, RunResult]) -> None:
    _, result = made
    page = report_html(result)
    assert result.session_id in page
    assert "&lt;/script&gt;&lt;script&gt;alert(2)&lt;/script&gt;&amp;lt;b&amp;gt;" in page
    assert "# Task: fix what the checks report" in page
    assert "<del>-import os</del>" in page
    assert "<b>refused</b> 2 new: B018 at a.py" in page
    assert page.count('<details class="row">') == 3
    assert page.count("<td class=fixed>fixed") == 4
    assert page.count("<td class=remaining>left") == 1
    assert page.index("b.py</span>") < page.index("a.py</span>")  # what is not done comes first
    for word in ("worker 1", "peak", "waiting", "commit_in_main"):
        assert word in page


def test_a_past_run_has_the_same_report(made: tuple[Checkout, RunResult], tmp_path: Path) -> None:
    repo, result = made
    result.save_report(tmp_path / "now.html")
    RunResult.load("last", repo.root).save_report(tmp_path / "then.html")
    # Times are kept to a millionth of a second, which may fall on the other side of a pixel.
    now, then = (
        re.sub(r"<svg role.*</svg>", "", (tmp_path / f"{it}.html").read_text()) for it in ("now", "then")
    )
    assert now == then


def test_files_without_times_are_told(made: tuple[Checkout, RunResult]) -> None:
    _, result = made
    part = attrs.evolve(result, spans=tuple(span for span in result.spans if span.path != "a.py"))
    assert " 1 file ended before the run was resumed" in report_html(part)
    assert "ended before" not in report_html(result)
    assert "Timeline" not in report_html(attrs.evolve(result, spans=()))


@pytest.mark.parametrize(("end", "last"), [(4, " s</text>"), (1_000, " min</text>"), (40_000, " h</text>")])
def test_a_timeline_is_in_seconds_minutes_or_hours(
    end: float, last: str, made: tuple[Checkout, RunResult]
) -> None:
    _, result = made
    factor = end / max(span.until for span in result.spans)
    spans = [attrs.evolve(it, since=it.since * factor, until=it.until * factor) for it in result.spans]
    drawn = timeline(attrs.evolve(result, spans=tuple(spans)))
    texts = re.findall(r'text-anchor="\w+">([\d.]+ \w+)</text>', drawn)
    assert 3 < len(texts) <= 11
    assert all(f"{text}</text>".endswith(last) for text in texts)


def test_what_cannot_be_had_is_told(made: tuple[Checkout, RunResult]) -> None:
    repo, result = made
    past = RunResult.load("last", repo.root)
    journal = repo.root / ".stomper" / "sessions" / result.session_id / "journal"
    journal.chmod(0o666)
    assert "Prompts and replies are missing: the journal of stomper-" in report_html(past)
    gone = [attrs.evolve(file, commit="1" * 40) for file in result.files[:1]]
    page = report_html(attrs.evolve(result, files=(*gone, *result.files[1:])))
    assert "Changes are missing: 1 commit gone from the repository." in page
    assert "<del>-import re</del>" in page
    shutil.rmtree(repo.root)
    assert "Changes are missing: the folder " in report_html(result)


def test_a_secret_is_in_no_report(made: tuple[Checkout, RunResult], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_TOKEN", "-import os")
    page = report_html(made[1])
    assert "-import os" not in page
    assert "***" in page


def test_a_page_that_cannot_be_written_is_told(made: tuple[Checkout, RunResult], tmp_path: Path) -> None:
    with pytest.raises(StomperError, match="cannot be written: No such file"):
        made[1].save_report(tmp_path / "missing" / "report.html")


def many(result: RunResult, files: int, findings: int, text: str) -> RunResult:
    """A run as large as one likes, whose attempts have texts of growing length."""
    file = next(file for file in result.files if file.path == "a.py")
    long = [attrs.evolve(it, prompt=f"{n} {text}", reply="short") for n, it in enumerate(file.attempts)]
    found = Finding("ruff", "F401", "`os` imported but unused; consider using something else", "a.py", 3, 8)
    return attrs.evolve(
        result,
        files=tuple(attrs.evolve(file, path=f"package/module_{n}.py", attempts=long) for n in range(files)),
        findings=tuple(
            FindingEnd(
                attrs.evolve(found, path=f"package/module_{n}.py"), "fixed", attempt=1, commit="c" * 40
            )
            for n in range(files)
            for _ in range(findings)
        ),
    )


@pytest.mark.parametrize("text", ["x = 1  # a line\n" * 1000, "<&\u202e\U0001f600" * 3000])
def test_five_hundred_files_take_less_than_two_megabytes(text: str, made: tuple[Checkout, RunResult]) -> None:
    page = report_html(many(made[1], 500, 6, text))
    assert 1_500_000 < len(page.encode()) < 2_000_000
    assert page.count("more characters]") == 1000
    assert page.count("<pre>short</pre>") == 1000
    assert page.count("<td class=fixed>fixed") == 3000


def test_a_flood_of_findings_is_cut_and_told(made: tuple[Checkout, RunResult]) -> None:
    page = report_html(many(made[1], 500, 40, "x"))
    shown = page.count("<td class=fixed>fixed")
    assert f"and {20_000 - shown:,} more: stomper-sdk runs show {made[1].session_id} --findings" in page
    assert len(page.encode()) < 2_000_000


def test_short_texts_stay_whole(made: tuple[Checkout, RunResult]) -> None:
    assert "more characters]" not in report_html(many(made[1], 1, 1, "x = 1\n" * 20_000))


def test_all_changes_are_asked_for_at_once(
    made: tuple[Checkout, RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    git = history.git
    monkeypatch.setattr(history, "git", lambda *args, **kwargs: calls.append(args) or git(*args, **kwargs))
    assert report_html(made[1]).count("<pre>diff --git ") == 3
    assert len(calls) == 1
