"""What an agent is told in a run: of its file and the attempt before, not of where the repository lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import stomper_sdk
from stomper_sdk import AgentTask
from stomper_sdk.prompts import Neighbours
from stomper_sdk.stages.retelling import Retelling

if TYPE_CHECKING:
    from tests.conftest import Checkout

Make = Callable[..., "Checkout"]
LEVELS = ("minimal", "normal", "detailed", "verbose")
SOURCE = "import os\n\n\ndef total(prices):\n    return sum(prices)\n"
BROKEN = SOURCE.removeprefix("import os\n\n\n").replace("sum(prices)", "max(prices)")
TESTS = """\
import os
from a import total


def test_total():
    where = os.environ["WHERE"]
    print(where)
    assert total([1, 2, 4]) == 7, f"{where}/a.py is wrong"
"""


def prompts_of(repo: Checkout, write: str | None = None, **overrides: Any) -> list[str]:
    """The prompts of a run whose agent writes the same at each attempt."""
    prompts: list[str] = []

    def agent(task: AgentTask) -> None:
        prompts.append(task.prompt)
        if write is not None:
            (task.workspace / task.path).write_text(write)

    settings = {"retry.max_attempts": 1, **overrides}
    if not {"test_validation", "test_validation.mode"} & settings.keys():
        settings["test_validation.mode"] = "none"
    stomper_sdk.run("default", repo=repo.root, agents={"builtin": agent}, overrides=settings)
    return prompts


@pytest.fixture
def make(make_checkout: Make) -> Callable[[Mapping[str, str]], Checkout]:
    return lambda files: make_checkout({"a.py": SOURCE, "ruff.toml": 'lint.select = ["F"]\n', **files})


def test_no_prompt_tells_where_the_repository_lies(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = make({"tests/test_a.py": TESTS})
    monkeypatch.setenv("WHERE", str(repo.root))
    tests = {"mode": "full", "command": "pytest -q", "env": ["WHERE"], "flaky_reruns": 0}
    settings = {"test_validation": tests, "prompt.levels": ["minimal", *LEVELS], "retry.max_attempts": 5}
    first, *others = prompts_of(repo, BROKEN, **settings)
    assert len(others) == len(LEVELS)
    for prompt in (first, *others):
        assert str(repo.root) not in prompt
        assert "/stomper-" not in prompt, "nor where its workspace does"
    for prompt in others:
        assert "1 failed (tests/test_a.py::test_total: AssertionError: a.py is wrong" in prompt


def test_a_broken_test_is_shown_with_its_assertion(make: Make) -> None:
    test = "from a import total\n\n\ndef test_total():\n    assert total([1, 2, 4]) == 7\n"
    repo = make({"tests/test_a.py": test})
    settings = {"test_validation.mode": "full", "retry.max_attempts": 2}
    prompts = prompts_of(repo, BROKEN, **settings)
    assert "last attempt" not in prompts[0]
    _, _, last = prompts[1].partition("## What became of the last attempt")
    assert "`tests/test_a.py::test_total` failed:" in last
    assert "\n>       assert total([1, 2, 4]) == 7\n" in last
    assert "\nE       assert 4 == 7\n" in last and "\ntests/test_a.py:5: AssertionError\n" in last


def test_guides_are_told_at_every_level_as_the_commit_has_them(make: Make) -> None:
    repo = make({"AGENTS.md": "Prices are in cents.\n"})
    repo.write({"AGENTS.md": "Prices are in euros.\n"})
    settings = {"prompt.guides": ["AGENTS.md"], "retry.max_attempts": 4}
    prompts = prompts_of(repo, SOURCE + "import re\n", **settings)
    assert ["Prices are in cents." in prompt for prompt in prompts] == [True] * 4
    assert "Prices are in euros." not in "".join(prompts)
    assert "Prices" not in "".join(prompts_of(repo))


def test_a_guide_that_no_workspace_has_is_refused(make: Make) -> None:
    repo = make({})
    repo.write({"AGENTS.md": "Prices are in cents.\n"})
    with pytest.raises(stomper_sdk.StomperError, match=r"prompt\.guides: AGENTS\.md is not in the commit"):
        prompts_of(repo, **{"prompt.guides": ["AGENTS.md"]})
    with pytest.raises(stomper_sdk.PipelineError, match=r"no file 'AGENT\.md'"):
        prompts_of(repo, **{"prompt.guides": ["AGENT.md"]})


def test_what_is_related_is_told_at_the_last_level_and_looked_for_only_there(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    look = Neighbours.of
    monkeypatch.setattr(Neighbours, "of", lambda *args: asked.append(args[1]) or look(*args))
    repo = make({"b.py": "from a import total\n\n\ndef pay(basket):\n    return total(basket)\n"})
    source = SOURCE.replace("    return", "    unused = 1\n    return")
    repo.commit({"a.py": source})
    settings = {"retry.max_attempts": 4}
    prompts = prompts_of(repo, source + "import re\n", **settings)
    assert ["return total(basket)" in prompt for prompt in prompts] == [False, False, False, True]
    assert "`total`, `b.py:5`:" in prompts[3]
    assert asked == ["a.py"]


def test_a_later_attempt_is_told_whether_the_last_one_is_in_the_file(make: Make) -> None:
    repo = make({"a.py": "import os\nimport re\n"})
    left = ("as it was before the last one", "has the changes of the last one")
    for write, told in ("import os\n", [False, True]), ("import os  # noqa\n", [True, False]):
        _, second = prompts_of(repo, write, **{"retry.max_attempts": 2, "accept": "all"})
        assert [text in second for text in left] == told
        findings, _, last = second.partition("## What became of the last attempt")
        assert ("`re` imported but unused" in findings) is told[0]
        assert "F401" not in last.partition("## ")[0]


def test_what_a_fix_left_is_listed_only_where_that_says_more(make: Make) -> None:
    repo = make({"a.py": "import os\nimport re\n"})
    same = prompts_of(repo, "import os\nimport re\n\n", **{"retry.max_attempts": 2})[1]
    assert "All of the findings above were still there" in same and same.count("`os` imported") == 1
    worse = "import os\nimport sys\n"
    some = prompts_of(repo, worse, **{"retry.max_attempts": 2})[1]
    assert some.count("`os` imported") == 2 and some.count("`re` imported") == 1


def test_each_file_of_a_folder_of_templates_is_its_level(make: Make) -> None:
    files = {f"prompts/mine/{level}.md.j2": f"{level}: {{{{ path }}}}" for level in ("low", "high")}
    settings = {"prompt.template": "mine", "prompt.levels": ["low", "high"], "retry.max_attempts": 3}
    settings["prompt.strategy"] = "escalate"
    assert prompts_of(make(files), SOURCE + "import re\n", **settings) == [
        "low: a.py",
        "high: a.py",
        "high: a.py",
    ]


def test_a_template_that_cannot_tell_a_case_ends_the_run_with_its_place(make: Make) -> None:
    repo = make({"prompts/mine.md.j2": "fine\n{{ 1 // (attempt - 1) }}"})
    settings = {"prompt.template": "mine", "test_validation.mode": "none"}
    result = stomper_sdk.run("default", repo=repo.root, overrides=settings)
    assert (result.status, result.exit_code) == ("failed", 2)
    assert "mine.md.j2:2:1: prompt.template: ZeroDivisionError" in str(result.error)


def test_paths_and_secrets_in_what_tools_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "abcdefgh12345")
    retold = Retelling.of(Path("/home/me/repo"), Path("/tmp/work"))
    said = (
        "see /home/me/repo/a.py and /tmp/work/b.py in /home/me/repo, not /home/me/repository: abcdefgh12345"
    )
    assert retold.text(said) == "see a.py and b.py in ., not /home/me/repository: ***"
    assert retold.text("/data/home/me/repo/a.py") == "/data/home/me/repo/a.py"
