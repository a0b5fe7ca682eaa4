"""What notebooks show, in a browser under JupyterLab's own rules: aligned, readable, and harmless."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import stomper_sdk
from stomper_sdk import AgentReply, AgentTask

if TYPE_CHECKING:
    from tests.conftest import Checkout

HOSTILE = "<img src=x onerror=attack()>\u202e.py"
#: As JupyterLab 4 writes them, in its packages `rendermime` and `outputarea`.
JUPYTER = """
.jp-RenderedHTMLCommon pre, .jp-RenderedHTMLCommon code {
  background-color: var(--jp-layout-color0); font-family: var(--jp-code-font-family); padding: 0; border: 0 }
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th { vertical-align: middle; padding: 0.5em }
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon td,
:not(.jp-RenderedMarkdown).jp-RenderedHTMLCommon th { text-align: right }
.jp-RenderedHTMLCommon p { text-align: left; margin: 0 0 1em }
"""
SEEN = """
window.attacked = window.attacked || false
const styles = (selector) => [...document.querySelectorAll(selector)].map((it) => getComputedStyle(it))
document.title = JSON.stringify({
  attacked: window.attacked,
  names: styles("td:not(.n)").map((it) => it.textAlign),
  numbers: styles("td.n").map((it) => it.textAlign),
  fonts: styles("pre").map((it) => it.fontFamily),
  colors: styles(".o, ins, del, pre i").map((it) => it.color),
  wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
})
"""


def careless(task: AgentTask) -> AgentReply:
    """Attacks who reads its words, fixes at its second attempt, and leaves one file as it is."""
    if task.path != "left.py":
        file = task.workspace / task.path
        file.write_text(f"{'x' * 300} = 1\n" + ("undefined\n" if task.attempt == 1 else ""))
    return AgentReply("</pre></div><script>attack()</script><img src=x onerror=attack()>\u202e")


@pytest.fixture
def page(make_checkout: Callable[..., Checkout]) -> str:
    """All that a run shows, in a cell's output."""
    repo = make_checkout({"a.py": "import os\n", "left.py": "import os\n", HOSTILE: "import os\n"}).root
    overrides = {"test_validation.mode": "none", "prompt.strategy": "escalate"}
    planned = stomper_sdk.plan("default", repo=repo)
    result = stomper_sdk.run("default", repo=repo, agents={"builtin": careless}, overrides=overrides)
    shown = [planned, result, *result.files, result.explain(HOSTILE), result.diff("a.py")]
    outputs = "".join(it._repr_html_() for it in shown).replace("<details>", "<details open>")
    return f'<div class="jp-RenderedHTMLCommon jp-RenderedHTML">{outputs}</div>'


@pytest.mark.parametrize("theme", ["--jp-code-font-family: Courier", "color-scheme: dark"])
def test_what_a_run_shows_is_aligned_readable_and_harmless(page: str, theme: str, tmp_path: Path) -> None:
    seen = looked_at(page, theme, tmp_path)
    assert not seen["attacked"]
    assert set(seen["names"]) == {"left"}
    assert set(seen["numbers"]) == {"right"}
    assert set(seen["fonts"]) == {"Courier" if "Courier" in theme else "monospace"}
    colors = {tuple(map(int, re.findall(r"\d+", color)[:3])) for color in seen["colors"]}
    assert len(colors) == 4
    assert min(contrast(color, ground) for color in colors for ground in ((255, 255, 255), (17, 17, 17))) > 3
    assert not seen["wide"]


def looked_at(page: str, theme: str, folder: Path) -> Any:
    """What a browser makes of it, of no more width than a small window has."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("there is no Chromium to look with")
    file = folder / "page.html"
    head = f"<title></title><style>:root {{ {theme} }} {JUPYTER}</style>"
    head += "<script>function attack() { window.attacked = true }</script>"
    file.write_text(
        f"<!doctype html><meta charset=utf-8>{head}<body>{page}<script>onload = () => {{ {SEEN} }}</script>"
    )
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    argv = [program, *options, "--window-size=800,600", "--dump-dom", file.as_uri()]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title, done.stderr
    return json.loads(html.unescape(title[1]))


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """The ratio of WCAG 2.1."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: tuple[int, ...]) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in color)
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
