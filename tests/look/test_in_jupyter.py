"""What notebooks show, in a browser under JupyterLab's own rules: aligned, readable, and harmless."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import stomper_sdk
from stomper_sdk import AgentReply, AgentTask
from tests.browser import Browser, chromium
from tests.look.made import experiment_of

if TYPE_CHECKING:
    from tests.conftest import Checkout

HOSTILE = "<img src=x onerror=attack()>\u202e.py"
#: As JupyterLab 4 writes them, in `rendermime` and `outputarea`; the last is the classic notebook's.
JUPYTER = """
.jp-RenderedHTMLCommon pre, .jp-RenderedHTMLCommon code {
  background-color: var(--jp-layout-color0); font-family: var(--jp-code-font-family); padding: 0; border: 0 }
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th {
  vertical-align: middle; padding: 0.5em; white-space: normal }
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon td,
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon th { text-align: right }
.jp-RenderedHTMLCommon p { text-align: left; margin: 0 0 1em }
summary { display: block }
"""


def careless(task: AgentTask) -> AgentReply:
    """Attacks who reads its words, fixes at its second attempt, and leaves one file as it is."""
    if task.path != "left.py":
        file = task.workspace / task.path
        file.write_text(f"{'x' * 300} = 1\n" + ("undefined\n" if task.attempt == 1 else ""))
    return AgentReply("</pre></div><script>attack()</script><img src=x onerror=attack()>\u202e")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def shown_by_a_run(make_checkout: Callable[..., Checkout]) -> Sequence[Any]:
    repo = make_checkout({"a.py": "import os\n", "left.py": "import os\n", HOSTILE: "import os\n"}).root
    overrides = {"test_validation.mode": "none", "prompt.strategy": "escalate"}
    planned = stomper_sdk.plan("default", repo=repo)
    result = stomper_sdk.run("default", repo=repo, agents={"builtin": careless}, overrides=overrides)
    return [planned, result, *result.files, result.explain(HOSTILE), result.diff("a.py")]


def shown_by_an_experiment() -> Sequence[Any]:
    found = experiment_of({HOSTILE: 0.2, "better": 0.9}, costs={HOSTILE: 0.1, "better": 0.2})
    return [found, found.compare(HOSTILE, "better"), found.size(0.1)]


def opened(browser: Browser, shown: Sequence[Any], theme: str, folder: Path) -> None:
    outputs = "".join(it._repr_html_() for it in shown).replace("<details>", "<details open>")
    head = f"<style>:root {{ {theme} }} {JUPYTER}</style>"
    head += "<script>attacked = false; function attack() { attacked = true }</script>"
    cell = f'<div class="jp-RenderedHTMLCommon jp-RenderedHTML">{outputs}</div>'
    file = folder / "page.html"
    file.write_text(f"<!doctype html><meta charset=utf-8>{head}{cell}")
    browser.open(file, width=800)


def styles(browser: Browser, selector: str, name: str) -> set[str]:
    """What a property is, of all elements that a selector finds."""
    return set(
        browser.ask(
            f"[...document.querySelectorAll({selector!r})].map((it) => getComputedStyle(it)[{name!r}])"
        )
    )


@pytest.mark.parametrize("font", ["Courier", ""])
def test_what_a_run_shows_is_aligned_readable_and_harmless(
    make_checkout: Callable[..., Checkout], browser: Browser, font: str, tmp_path: Path
) -> None:
    theme = f"--jp-code-font-family: {font}" if font else ""
    opened(browser, shown_by_a_run(make_checkout), theme, tmp_path)
    assert browser.ask("attacked") is False
    assert styles(browser, "td:not(.n)", "textAlign") == {"left"}
    assert styles(browser, "td.n", "textAlign") == {"right"}
    assert styles(browser, "pre", "fontFamily") == {font or "monospace"}
    assert styles(browser, "summary", "display") == {"list-item"}
    colors = styles(browser, ".o, ins, del, pre i", "color")
    assert len(colors) == 4
    grounds = ("rgb(255, 255, 255)", "rgb(17, 17, 17)")
    assert min(contrast(color, ground) for color in colors for ground in grounds) > 3
    assert browser.ask("document.documentElement.scrollWidth") <= 800


def test_what_an_experiment_shows_is_aligned_and_harmless(browser: Browser, tmp_path: Path) -> None:
    opened(browser, shown_by_an_experiment(), "", tmp_path)
    assert browser.ask("attacked") is False
    assert styles(browser, "td:not(.n)", "textAlign") == {"left"}
    assert styles(browser, "td.n", "textAlign") == {"right"}
    assert styles(browser, "td.n", "whiteSpace") == {"nowrap"}
    assert " points fewer than better: " in browser.find(".jp-RenderedHTML").text


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.1."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
