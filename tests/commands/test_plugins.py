"""`agents`, `checks`, `reducers`, `stages`: everything that can be named, and how."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.agents.base import AGENTS
from stomper_sdk.checks.base import CHECKS
from stomper_sdk.cli import main
from stomper_sdk.interpreter.catalogue import Kind, catalogue
from stomper_sdk.reducers import REDUCERS
from stomper_sdk.registry import Registry
from stomper_sdk.stages.base import STAGES

Captured = pytest.CaptureFixture[str]
KINDS: dict[Kind, Registry[Any]] = {
    "agents": AGENTS,
    "checks": CHECKS,
    "reducers": REDUCERS,
    "stages": STAGES,
}
PLUGINS = """
import attrs
from stomper_sdk.options import option, strings

@attrs.frozen(kw_only=True)
class Idle:
    '''Does nothing at all.

    For tests.
    '''

    name: str
    words: tuple[str, ...] = option(strings, ("a",), "What it does not say.")
    odd: int = attrs.field(default=3, converter=int)

async def stamp(state, context, *, ink: str = "blue"):
    '''Stamp the file.

    Args:
        ink: the colour.
    '''
"""


@pytest.fixture
def installed(at: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that offers a usable plug-in of two kinds, a broken one, and a name that is taken."""
    info = at / "site" / "my_plugins-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-plugins\nVersion: 1.5\n")
    agents = "idle = catalogued_plugins:Idle\nbroken = no_such_module:x\ncommand = catalogued_plugins:Idle\n"
    stages = "stamp = catalogued_plugins:stamp\n"
    (info / "entry_points.txt").write_text(f"[stomper_sdk.agent]\n{agents}[stomper_sdk.stage]\n{stages}")
    (at / "site" / "catalogued_plugins.py").write_text(PLUGINS)
    monkeypatch.syspath_prepend(str(at / "site"))
    for registry in (AGENTS, STAGES):
        monkeypatch.setattr(registry, "_installed", None)
    yield
    sys.modules.pop("catalogued_plugins", None)


@pytest.mark.parametrize("kind", KINDS)
def test_every_built_in_has_a_line_with_a_meaning(kind: Kind, at: Path, capsys: Captured) -> None:
    assert main([kind]) == 0
    out, err = capsys.readouterr()
    names = [line.split()[0] for line in out.splitlines() if not line.startswith(" ")]
    assert set(KINDS[kind].built_in()) <= set(names)
    assert names == sorted(names)
    assert err == ""
    plain = [plugin for plugin in catalogue(kind) if plugin.origin == "built in"]
    assert [plugin.name for plugin in plain if not plugin.meaning.endswith((".", ":"))] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_of_a_built_in_says_what_it_takes_and_means(kind: Kind) -> None:
    options = [
        (plugin.name, option)
        for plugin in catalogue(kind)
        if plugin.origin == "built in"
        for option in plugin.options
    ]
    assert [(name, option.name) for name, option in options if not option.meaning] == []
    assert [(name, option.type) for name, option in options if re.search(r"\w\[|\|", option.type)] == []


def test_one_of_them_with_its_options(at: Path, capsys: Captured) -> None:
    assert main(["agents", "ruff-fix"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ruff-fix",
        "  Lets ruff fix, in the task's file, the rules that the findings are of, and no",
        "  others.",
        "  from  built in",
        "  options",
        "    unsafe_fixes: true or false, default false",
        "      Apply also fixes that may change what the code does.",
        "    select: a list of strings, default null",
        "      Rules or prefixes to fix; by default the codes of the findings.",
        "    format: true or false, default false",
        "      Format the file afterwards.",
        "    timeout: a duration such as 30s, 10m, 1h or 1.5s, default 600",
        "      The time limit of one edit.",
    ]


def test_an_agent_whose_package_is_missing_says_how_to_install_it(
    at: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stomper_sdk.endpoint.missing_package", lambda: "openai")
    assert main(["agents", "chat"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "state needs the package openai install pip install 'stomper_sdk[chat]'" in out
    monkeypatch.undo()
    assert main(["agents", "chat"]) == 0
    assert "needs the package" not in capsys.readouterr().out


def test_a_stage_says_where_it_stands_and_what_it_needs(at: Path, capsys: Captured) -> None:
    assert main(["stages", "apply_to_main"]) == 0
    out = capsys.readouterr().out
    for line in ("  block  file", "  scope  main", "  needs  diff", "  gives  applied"):
        assert line in out.splitlines()


def test_verbose_tells_of_all_as_of_one(at: Path, capsys: Captured) -> None:
    assert main(["checks", "-v"]) == 0
    out = capsys.readouterr().out
    assert out.count("  from  built in") == len(CHECKS.built_in())
    assert "    pattern: a regular expression with a group (?P<path>...), must be given" in out


def test_an_unknown_name_gets_the_near_one(at: Path, capsys: Captured) -> None:
    assert main(["agents", "ruf-fix"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "unknown agent 'ruf-fix' (did you mean 'ruff-fix'?)" in err


def test_a_document_for_programs(at: Path, capsys: Captured) -> None:
    assert main(["stages", "--output", "json"]) == 0
    stages = {stage["name"]: stage for stage in json.loads(capsys.readouterr().out)["stages"]}
    assert stages["commit_in_main"]["facts"] == {
        "block": "file",
        "scope": "main",
        "needs": "applied",
        "gives": "commit",
    }
    assert {"for_each_file", "attempt"} <= stages.keys()


@pytest.mark.usefixtures("installed")
def test_an_installed_package_is_named_and_its_broken_one_too(at: Path, capsys: Captured) -> None:
    assert main(["agents", "--output", "json"]) == 0
    agents = json.loads(capsys.readouterr().out)["agents"]
    told = {(agent["name"], agent["origin"]): agent for agent in agents}
    idle = told["idle", "my-plugins 1.5"]
    assert idle["meaning"] == "Does nothing at all."
    assert [(option["name"], option["type"], option["default"]) for option in idle["options"]] == [
        ("words", "a list of strings", ["a"]),
        ("odd", "a whole number", 3),
    ]
    assert "No module named 'no_such_module'" in told["broken", "my-plugins 1.5"]["error"]
    assert told["command", "built in"]["error"] is None
    assert "catalogued_plugins:Idle" in told["command", "my-plugins 1.5"]["error"]


@pytest.mark.usefixtures("installed")
def test_a_function_is_a_stage_with_its_options(at: Path, capsys: Captured) -> None:
    assert main(["stages", "stamp"]) == 0
    out = capsys.readouterr().out
    assert "  from   my-plugins 1.5" in out
    assert '    ink: a string, default "blue"\n      the colour.' in out


def test_a_plug_in_in_the_current_folder_is_found_by_its_place(at: Path, capsys: Captured) -> None:
    (at / "own_plugins_here.py").write_text(PLUGINS)
    assert main(["agents", "own_plugins_here:Idle"]) == 0
    assert capsys.readouterr().out.startswith("own_plugins_here:Idle\n  Does nothing at all.\n")
