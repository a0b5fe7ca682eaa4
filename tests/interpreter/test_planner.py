from __future__ import annotations

from pathlib import Path

import pytest

import stomper_sdk
from stomper_sdk.errors import PipelineError
from stomper_sdk.interpreter.planner import resolve
from stomper_sdk.stages.base import Selection

NO_MODULE = {"checks": {"mine": {"use": "no_such_module:check"}}}
NO_ATTRIBUTE = {"checks": {"mine": {"use": "json:lods"}}}


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ({"apply.commit.template": "{{ nope }}"}, "'nope' is undefined; the variables are path, findings"),
        ({"apply.commit.template": "{{ path"}, "apply.commit.template: unexpected end of template"),
        ({"apply.branch": "x/{foo}"}, "apply.branch: only {session_id} in braces, got {foo}"),
        ({"workspace.setup": 'a "b'}, "workspace.setup: expected a command (No closing quotation)"),
        ({"test_validation.command": 'a "b'}, "test_validation.command: expected a command"),
        ({"prompt.template": "nope"}, "prompt.template: there is no template 'nope'"),
        ({"reducers.x": {"reduce": "summ", "from": "path"}}, "unknown reducer 'summ' (did you mean 'sum'?)"),
        ({"reducers.x": {"reduce": "sum", "from": "path"}}, "reducers.x.from: sum needs a number"),
        ({"reducers.x": {"reduce": "sum", "from": "fixd_count"}}, "(did you mean 'fixed_count'?)"),
        ({"checks.x": {"use": "rufff"}}, "checks.x.use: unknown check 'rufff' (did you mean 'ruff'?)"),
        ({"checks.x": {"use": "regex"}}, "checks.x.pattern: this option must be given"),
        ({"agents.builtin.timeout": "soon"}, "agents.builtin.timeout: expected a duration"),
        (NO_MODULE, "cannot be imported: ModuleNotFoundError"),
        (NO_ATTRIBUTE, "json has no 'lods', named as check (did you mean 'loads'?)"),
    ],
)
def test_names_and_options_are_looked_up_before_a_run(override: dict[str, object], said: str) -> None:
    with pytest.raises(PipelineError) as caught:
        stomper_sdk.validate("default", overrides=override)
    assert said in str(caught.value)


@pytest.mark.parametrize("network", ["deny", "allow", "model-only"])
def test_a_tool_that_asks_a_model_needs_a_way_to_it(network: str) -> None:
    overrides = {"sandbox.kind": "auto", "sandbox.network": network, "agents.tool.use": "codex"}
    pipeline = stomper_sdk.load_pipeline("default", overrides=overrides)
    selection = Selection(agents=("tool",))
    if network != "deny":
        assert [tier.agent.name for tier in resolve(pipeline, selection, {}, Path()).cascade] == ["tool"]
        return
    with pytest.raises(PipelineError) as caught:
        resolve(pipeline, selection, {}, Path())
    assert "agents.tool: it asks a model, from which sandbox.network: deny keeps it" in str(caught.value)


def test_mistakes_are_told_together_each_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "extends: default\nagents:\n  builtin:\n    colour: red\nreducers:\n  x: {reduce: sum, from: path}\n"
    )
    with pytest.raises(PipelineError) as caught:
        stomper_sdk.validate(tmp_path / "p.yaml")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"{tmp_path}/p.yaml:4:5: agents.builtin.colour: unknown option 'colour'")
    assert lines[1].startswith(f"{tmp_path}/p.yaml:6:20: reducers.x.from: ")
