"""Plug-ins that are broken: refused by name before anything runs, and no harm to who does not use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from stomper_sdk.errors import PipelineError
from stomper_sdk.registry import Registry

Pipeline = Callable[[str], Path]
MODULES = {
    "dies": "import sys\nsys.exit(0)\n",
    "raises": "raise ValueError('no luck')\n",
    "wanders": "import os\nos.chdir('/')\nprint('hello from afar')\ndef fix(task):\n    print('fixing')\n",
    "wrong": (
        "import attrs\n"
        "def none(): pass\n"
        "async def early(state): pass\n"
        "async def needy(state, context, *, size): pass\n"
        "def plain(state, context): pass\n"
        "class Loose: pass\n"
        "@attrs.frozen\nclass Bare: pass\n"
        "@attrs.frozen\nclass Picky:\n    name: str\n    size: int = attrs.field(default=1, converter=int)\n"
        "    def __attrs_post_init__(self): raise ValueError('too picky')\n"
        "NUMBER = 3\n"
    ),
}


@pytest.fixture
def modules(at: Path) -> Iterator[None]:
    """Modules in the current folder, as a user has them; forgotten afterwards."""
    for name, text in MODULES.items():
        (at / f"{name}_plugin.py").write_text(text)
    yield
    for name in MODULES:
        sys.modules.pop(f"{name}_plugin", None)


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("check", "dies_plugin:x", "the check 'dies_plugin:x' cannot be imported: SystemExit: 0"),
        ("agent", "raises_plugin:x", "the agent 'raises_plugin:x' cannot be imported: ValueError: no luck"),
        ("stage", "raises_plugin:x", "the stage 'raises_plugin:x' cannot be imported: ValueError: no luck"),
        ("reducer", "nowhere_plugin:x", "cannot be imported: ModuleNotFoundError"),
        ("check", "wrong_plugin:plan", "wrong_plugin has no 'plan', named as check (did you mean 'plain'?)"),
        (
            "check",
            "wrong_plugin:none",
            "wrong_plugin:none: expected a function of (tree, paths), got one of ()",
        ),
        ("agent", "wrong_plugin:none", "expected a function of (task), got one of ()"),
        ("reducer", "wrong_plugin:none", "wrong_plugin:none: expected a function of (values), got one of ()"),
        ("reducer", "wrong_plugin:NUMBER", "expected a function of (values), got int"),
        ("check", "wrong_plugin:NUMBER", "expected a function of (tree, paths), got int"),
        ("agent", "wrong_plugin:NUMBER", "expected package.module:function"),
        ("stage", "wrong_plugin:NUMBER", "is not an async function of (state, context)"),
        ("stage", "wrong_plugin:plain", "is not an async function of (state, context)"),
        ("stage", "wrong_plugin:early", "expected a function of (state, context), got one of (state)"),
        ("stage", "wrong_plugin:needy", "wrong_plugin:needy needs the option 'size'"),
        ("stage", "wrong_plugin:Loose", "Loose is no attrs class, so it has no options"),
        ("check", "wrong_plugin:Loose", "Loose is no attrs class, so it has no options"),
        ("check", "wrong_plugin:Bare", "Bare is no check: it lacks name, scope, version, covers, look"),
        ("agent", "wrong_plugin:Bare", "Bare is no agent: it lacks name, timeout, once, edit"),
        ("agent", "wrong_plugin:Picky", "Picky cannot be made: ValueError: too picky"),
    ],
)
def test_a_plug_in_that_cannot_work_is_refused_at_its_place(
    kind: str, name: str, said: str, command: Any, pipeline: Pipeline, modules: None
) -> None:
    text = {
        "check": f"checks: {{my: {{use: {name}}}}}",
        "agent": f"agents: {{builtin: {{use: {name}}}}}",
        "stage": f"stages: [initialize, {name}]",
        "reducer": f"reducers: {{mine: {{reduce: {name}, from: path}}}}",
    }[kind]
    path = pipeline(f"extends: default\n{text}\n")
    shown = command("validate", path)
    assert (shown.code, f"{path.name}:2:" in shown.err, said in shown.err) == (2, True, True), shown.err


def test_an_option_that_a_converter_refuses_is_told_at_its_place(
    command: Any, pipeline: Pipeline, modules: None
) -> None:
    path = pipeline("extends: default\nagents: {builtin: {use: wrong_plugin:Picky, size: [1]}}\n")
    shown = command("validate", path)
    assert (shown.code, "agents.builtin.size: expected int() argument must be" in shown.err) == (2, True)


def test_what_a_plug_in_prints_and_where_it_goes_changes_no_result(
    command: Any, pipeline: Pipeline, modules: None, checkout: Any
) -> None:
    path = pipeline(
        "extends: default\nagents: {builtin: {use: wanders_plugin:fix}}\nretry: {max_attempts: 1}\n"
    )
    here = Path.cwd()
    shown = command("run", path.name, "--repo", "repo", "--output", "json")
    assert shown.files == {"a.py": ("unfixed", "the agent changed nothing")}
    assert "hello from afar" in shown.err and "fixing" in shown.err
    assert Path.cwd() == here


@pytest.fixture
def installed(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Installs packages of one module each, as a wheel does; tells the environment that has them."""
    site = tmp_path / "site"

    def install(packages: Mapping[str, str]) -> dict[str, str]:
        for name, points in packages.items():
            info = site / f"{name}-1.0.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(points)
            (site / f"{name}.py").write_text("raise ValueError('broken')\n")
        return {**os.environ, "PYTHONPATH": str(site)}

    return install


TWINS = {
    "one": "[stomper_sdk.agent]\ntwin = one:x\nbroken = one:x\n[stomper_sdk.check]\nruff = one:x\n",
    "two": "[stomper_sdk.agent]\ntwin = two:x\n",
}


def call(env: Mapping[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "stomper_sdk", *map(str, words)]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)


def test_broken_packages_hurt_only_who_names_what_they_offer(
    installed: Any, checkout: Any, pipeline: Pipeline
) -> None:
    env = installed(TWINS)
    done = call(env, "run", "default", "--repo", checkout.root, "--output", "json")
    assert (done.returncode, json.loads(done.stdout)["reducers"]["total_errors_fixed"]) == (0, 1)
    for name, said in (
        ("broken", "the agent 'one:x' cannot be imported: ValueError: broken"),
        ("twin", "two installed packages offer the agent 'twin': one:x, two:x\nUninstall one of them"),
    ):
        path = pipeline(f"extends: default\nagents: {{builtin: {{use: {name}}}}}\n")
        done = call(env, "validate", path)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_list_of_all_shows_what_is_broken(
    installed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(TWINS)
    monkeypatch.syspath_prepend(tmp_path / "site")
    agents = dict(Registry[Any]("agent", {"good": "builtins:print"}).each())
    assert agents["good"] is print
    assert "ValueError: broken" in str(agents["broken"])
    assert "two installed packages" in str(agents["twin"])
    (mine, theirs) = (found for _, found in Registry[Any]("check", {"ruff": "builtins:print"}).each())
    assert mine is print
    assert isinstance(theirs, PipelineError) and "is offered by one:x too" in str(theirs)


@attrs.frozen
class Sized:
    size: int = 2

    async def run(self, state: object, context: object) -> None: ...


def test_a_stage_s_class_needs_no_name(
    command: Any, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stomper_sdk.stages.base import STAGES

    monkeypatch.setitem(STAGES._registered, "sized", Sized)
    path = pipeline("extends: default\nstages: [initialize, sized: {size: 3}, collect_errors]\n")
    assert command("validate", path).code == 0
