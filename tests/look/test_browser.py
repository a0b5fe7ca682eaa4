"""A report as its reader has it: in a browser, by keyboard, light and dark, narrow, printed, under attack."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs
import pytest

import stomper_sdk
from stomper_sdk import AgentReply, AgentTask, RunResult
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.result import FindingEnd
from tests.browser import Browser, Keys

if TYPE_CHECKING:
    from tests.conftest import Checkout

EVIL = "</script></title></style><script>hacked=1</script><img src=x onerror=hacked=1>]]>&lt;b&gt;"
NAMES = {
    "<img src=x onerror=hacked=1>.py": "import os\n",
    "\u202egnp.\x1b[31m\n.py": f"import os\n# {EVIL} \u202e\x07\n".replace("\x07", "\x7f"),
    "javascript&colon;'\"><svg onload=hacked=1>.py": "import os\n",
    "left.py": "import os\n\nprint(undefined)\n",
}
OVERRIDES = {"test_validation.mode": "none", "prompt.strategy": "escalate", "name": EVIL}
ROWS, FILES = "#findings tr:has(td)", "#files > details"


def mending(task: AgentTask) -> AgentReply:
    """Fixes F401 at the second attempt, adds a new finding at the first."""
    file = task.workspace / task.path
    lines = [line for line in file.read_text().splitlines(keepends=True) if "import" not in line]
    file.write_text("".join(lines) + ("undefined_name\n" if task.attempt == 1 else f"# {EVIL}\n"))
    return AgentReply(f"{EVIL}\u202e\x1b[31m", tokens_in=1200, tokens_out=34, cost_usd=0.25)


@pytest.fixture
def result(make_checkout: Callable[..., Checkout]) -> RunResult:
    repo = make_checkout(NAMES)
    return stomper_sdk.run("default", repo=repo.root, agents={"builtin": mending}, overrides=OVERRIDES)


@pytest.fixture
def report(result: RunResult, tmp_path: Path) -> Path:
    found = FindingEnd(Finding(EVIL, EVIL, EVIL, f"{EVIL}\u202e"), "new", reason=EVIL)
    told = {"notices": (*result.notices, EVIL), "error": EVIL, "tests": EVIL}
    evil = attrs.evolve(result, findings=(*result.findings, found), reducers={EVIL: [EVIL]}, **told)
    evil.save_report(tmp_path / "report.html")
    return tmp_path / "report.html"


def choose(browser: Browser, label: str, value: str) -> None:
    """Choose by typing, as a keyboard user does."""
    for select in browser.shown("select"):
        if select.find_element("xpath", "..").text.startswith(label):
            select.send_keys(value)


def told(browser: Browser, section: str) -> str:
    return browser.find(f"#{section} output").text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_a_word_or_a_request(
    scheme: Literal["light", "dark"], browser: Browser, report: Path, tmp_path: Path
) -> None:
    browser.open(report, scheme)
    assert browser.complaints() == []
    assert browser.requests() == [report.as_uri()]
    assert browser.driver.title.startswith("</script></title>")
    dark = browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    assert dark == (scheme == "dark")
    browser.picture(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 50_000


def test_findings_are_narrowed_by_text_and_by_choice(
    browser: Browser, result: RunResult, report: Path
) -> None:
    browser.open(report)
    search = browser.find("#findings input")
    every = len(browser.shown(ROWS))
    search.send_keys("UNDEFINED left.py")
    assert [row.text.split()[2] for row in browser.shown(ROWS)] == ["F821"]
    assert told(browser, "findings") == f"1 of {every}"
    assert len(browser.shown("#findings tbody th")) == 1  # the other files' heads are gone, too
    search.send_keys(Keys.ESCAPE)
    choose(browser, "Status", "fixed")
    assert len(browser.shown(ROWS)) == sum(end.status == "fixed" for end in result.findings) < every
    choose(browser, "Code", "F821")
    assert browser.shown(ROWS) == []
    browser.find("#findings button[type=reset]").click()
    assert len(browser.shown(ROWS)) == every


def test_files_are_searched_by_all_that_was_asked_and_said(browser: Browser, report: Path) -> None:
    browser.open(report)
    search = browser.find("#files input")
    search.send_keys("print(undefined) nowhere")
    assert browser.shown(FILES) == []
    search.send_keys(Keys.BACKSPACE * len(" nowhere"))
    [row] = browser.shown(FILES)
    assert "left.py" in row.text
    assert told(browser, "files") == f"1 of {len(NAMES)}"
    browser.find("#files button[data-fold=open]").click()
    assert [row.get_attribute("open") for row in browser.driver.find_elements("css selector", FILES)] == [
        *("true", None, None, None)
    ]


def test_a_file_is_reached_and_unfolded_by_keyboard(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.press(Keys.TAB)
    assert browser.focused.text == "To the content"
    browser.find("#files button[data-fold=shut]").send_keys(Keys.TAB)
    assert browser.focused.tag_name == "summary"
    assert "left.py" in browser.focused.text
    assert browser.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert browser.shown(f"{FILES} pre") == []
    browser.press(Keys.ENTER)
    [patch] = browser.shown(f"{FILES} pre")
    assert "-import os" in patch.text
    browser.press(Keys.TAB)
    assert browser.focused.text.startswith("attempt 1")
    browser.press(Keys.SPACE)
    asked, said, _ = browser.shown(f"{FILES} pre")
    assert "# Task: fix what the checks report" in asked.text
    assert said.text == f"{EVIL}\\u202e\\x1b[31m"


def test_a_finding_leads_to_the_story_of_its_file(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.find("#files input").send_keys("hides all files")
    assert browser.shown(FILES) == []
    for _ in range(2):  # also where it was followed before
        browser.find("#findings tbody a").send_keys(Keys.ENTER)
        assert "-import os" in browser.shown(f"{FILES} pre")[-1].text
        browser.find(f"{FILES}[open] > summary").send_keys(Keys.ENTER)
    browser.driver.get(f"{report.as_uri()}#f1")
    browser.driver.refresh()
    assert len(browser.shown(f"{FILES} pre")) == 1


def test_nothing_hostile_runs_or_tricks(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.find("#files button[data-fold=open]").click()
    for attempt in browser.driver.find_elements("css selector", f"{FILES} details"):
        attempt.find_element("css selector", "summary").click()
    assert browser.ask("typeof hacked") == "undefined"
    assert browser.ask("document.scripts.length") == 1
    assert (
        browser.ask("document.querySelectorAll('img, iframe, link, object, [onload], [onerror]').length") == 0
    )
    text = browser.find("body").text
    assert not set(text) & {"\u202e", "\x1b", "\x7f"}
    assert r"\u202egnp.\x1b[31m\n.py" in text
    assert text.count(EVIL) > 10
    assert browser.complaints() == []


def test_nothing_runs_or_loads_even_where_it_would_get_into_the_page(
    browser: Browser, report: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.js").write_text("hacked=1")
    evil = (
        "<main><script>hacked=1</script><script src=own.js></script><img src=own.png onerror=hacked=1>"
        "<link rel=stylesheet href=own.css><style>body{color:red}</style><iframe srcdoc=x></iframe>"
        "<a id=evil href=javascript:hacked=1>here</a><p style='color:red'>red</p>"
        "<form id=sent action=own.html><input></form>"
    )
    page = report.read_text()
    assert page.count("<main>") == 1
    report.write_text(page.replace("<main>", evil))
    browser.open(report)
    browser.find("#evil").click()
    browser.driver.execute_script("document.querySelector('#sent').submit()")
    assert browser.ask("typeof hacked") == "undefined"
    assert browser.ask("getComputedStyle(document.querySelector('main p')).color") == "rgb(31, 35, 40)"
    assert browser.driver.current_url.partition("#")[0] == report.as_uri()
    assert len(browser.complaints()) >= 8


def test_it_is_read_without_scripts(browser: Browser, report: Path) -> None:
    switch = "Emulation.setScriptExecutionDisabled"
    browser.driver.execute_cdp_cmd(switch, {"value": True})
    try:
        browser.open(report)
        assert browser.shown("form") == []
        assert len(browser.shown(FILES)) == len(NAMES)
        browser.find(f"{FILES} summary").click()
        assert "-import os" in browser.shown(f"{FILES} pre")[-1].text
    finally:
        browser.driver.execute_cdp_cmd(switch, {"value": False})


CONTRAST = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const light = (color) => {
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const own = getComputedStyle(element).backgroundColor;
    return own === "rgba(0, 0, 0, 0)" ? ground(element.parentElement) : own;
  };
  const seen = [...document.querySelectorAll("main *, header *, nav *")]
    .filter((it) => it.innerText && it.checkVisibility());
  return Math.min(...seen.map((it) => {
    const pair = [light(getComputedStyle(it).color), light(ground(it))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  }));
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(
    scheme: Literal["light", "dark"], browser: Browser, report: Path
) -> None:
    browser.open(report, scheme)
    browser.driver.execute_script("document.querySelectorAll('details').forEach((it) => { it.open = true })")
    assert browser.ask(CONTRAST) >= 4.5  # WCAG 2.2, level AA


def test_a_narrow_screen_shows_it_without_moving_sideways(browser: Browser, report: Path) -> None:
    browser.open(report, width=360)
    assert browser.ask("document.documentElement.scrollWidth") <= 360
    assert len(browser.shown(f"{FILES} .path")) == len(NAMES)


def test_it_is_printed_without_what_can_only_be_clicked(browser: Browser, report: Path) -> None:
    browser.open(report, "dark")
    assert len(base64.b64decode(browser.driver.print_page())) > 20_000
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.shown("form, nav") == []
    assert browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
