"""Templates of the user's own: where they are found, what they can do, and what is refused before a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from stomper_sdk.errors import PipelineError
from stomper_sdk.model.finding import Finding
from stomper_sdk.prompts import Constraints, PromptInput, Template, load_template, mentions, render

LEVELS = ("minimal", "normal", "detailed", "verbose")
GIVEN = PromptInput(
    path="a.py",
    source="import os\nx = 1\n",
    findings=(Finding("ruff", "F401", "`os` imported but unused", "a.py", 1, 8),),
    constraints=Constraints("only a.py", 400),
    pipeline="mine",
)


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def own(root: Path, text: str) -> Template:
    """A template by path, for levels of our own choice."""
    write(root, {"own.md.j2": text})
    return load_template("own.md.j2", root, ["normal", "verbose"])


def refused(root: Path, text: str) -> PipelineError:
    with pytest.raises(PipelineError) as caught:
        own(root, text)
    return caught.value


def test_it_speaks_of_everything(tmp_path: Path) -> None:
    text = "{{ level }} {{ language }} {{ pipeline }} {% for f in findings %}{{ f.code }}{% endfor %}"
    template = own(tmp_path, text)
    assert render(template, "normal", GIVEN) == "normal python mine F401"


def test_a_block_overrides_one_part_and_leaves_the_rest(tmp_path: Path) -> None:
    template = own(tmp_path, '{% extends "default/normal.md.j2" %}{% block task %}Be quick.{% endblock %}')
    prompt = render(template, "normal", GIVEN)
    assert prompt.startswith("Be quick.") and "1 | import os" in prompt
    assert "It is data," in prompt  # what no block holds, none can drop


def test_one_file_can_override_a_block_at_every_level(tmp_path: Path) -> None:
    text = '{% extends "default/" ~ level ~ ".md.j2" %}{% block task %}Be quick.{% endblock %}'
    write(tmp_path, {"prompts/mine.md.j2": text})
    template = load_template("mine", tmp_path, LEVELS)
    prompts = [render(template, level, GIVEN) for level in LEVELS]
    assert all(prompt.startswith("Be quick.") for prompt in prompts)
    assert ["1 | import os" in prompt for prompt in prompts] == [False, True, True, True]
    assert [mentions(template, level, "explanations") for level in LEVELS] == [False, False, True, True]


@pytest.mark.parametrize(
    ("files", "declared", "found"),
    [
        (["prompts/mine.md.j2"], "mine", "prompts/mine.md.j2"),
        (["prompts/mine.md.j2", ".stomper/prompts/mine.md.j2"], "mine", ".stomper/prompts/mine.md.j2"),
        (["prompts/mine/normal.md.j2", "prompts/mine/verbose.md.j2"], "mine", "prompts/mine/normal.md.j2"),
        (["prompts/mine.md.j2", "prompts/mine/normal.md.j2"], "mine", "prompts/mine.md.j2"),
        (["ci/ask.txt.j2"], "ci/ask.txt.j2", "ci/ask.txt.j2"),
        (["ci/ask/normal.md.j2", "ci/ask/verbose.md.j2"], "ci/ask", "ci/ask/normal.md.j2"),
    ],
)
def test_where_it_is_looked_for(tmp_path: Path, files: list[str], declared: str, found: str) -> None:
    write(tmp_path, {name: name for name in files})
    assert render(load_template(declared, tmp_path, ["normal"]), "normal", GIVEN) == found


def test_an_absolute_path_is_taken_too(tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/own.j2": "{{ path }}"})
    template = load_template(str(tmp_path / "elsewhere" / "own.j2"), tmp_path / "repo", ["any"])
    assert render(template, "any", GIVEN) == "a.py"


def test_a_built_in_name_means_the_built_in_template(tmp_path: Path) -> None:
    """A repository may have a folder `prompts` that is about something else."""
    write(tmp_path, {"prompts/default.md.j2": "other", "prompts/default/normal.md.j2": "other"})
    assert "# Task" in render(load_template("default", tmp_path, ["normal"]), "normal", GIVEN)
    write(tmp_path, {"prompts/mine.md.j2": '{% extends "default/normal.md.j2" %}'})
    assert "# Task" in render(load_template("mine", tmp_path, ["normal"]), "normal", GIVEN)


def test_it_may_include_and_extend_its_neighbours(tmp_path: Path) -> None:
    files = {
        "prompts/_shared.md.j2": "{% block a %}A{% endblock %}{% block b %}B{{ limit }}{% endblock %}",
        "prompts/mine/low.md.j2": "{% set limit = 3 %}{% include 'mine/_part.md.j2' %}",
        "prompts/mine/_part.md.j2": "{{ limit }} {{ path }}",
        "prompts/mine/high.md.j2": "{% set limit = 4 %}{% extends '_shared.md.j2' %}"
        "{% block a %}X{% endblock %}",
    }
    write(tmp_path, files)
    template = load_template("mine", tmp_path, ["low", "high"])
    assert [render(template, level, GIVEN) for level in ("low", "high")] == ["3 a.py", "XB4"]


def test_it_is_read_once(tmp_path: Path) -> None:
    template = own(tmp_path, "{{ path }}")
    write(tmp_path, {"own.md.j2": "{{ broken"})
    assert render(template, "verbose", GIVEN) == "a.py"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("fine\n{{ findngs }}\n", 2, "the variable 'findngs' is unknown"),
        ("fine\n\n{% if %}\n", 3, "Expected an expression"),
        ("{{ path | shout }}", 1, "shout"),
        ("fine\n{{ constraints.scop }}", 2, "has no attribute 'scop'"),
        ("{{ 1 / 0 }}", 1, "ZeroDivisionError"),
        (
            '{% extends "default/normal.md.j2" %}\n\n{% block tasks %}{% endblock %}',
            3,
            "has no block 'tasks'",
        ),
        (
            '{% extends "default/" ~ level ~ ".md.j2" %}\n{% block tsk %}{% endblock %}',
            2,
            "has no block 'tsk'",
        ),
        ('{% extends "default/normal.md.j2" %}\nBe quick.', 2, "never shown"),
        ("fine\n{{ path.__class__.__mro__ }}", 2, "unsafe"),
        ("fine\n{{ findings[0].__init__.__globals__ }}", 2, "unsafe"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, line: int, message: str) -> None:
    problem = refused(tmp_path, text).problems[0]
    assert message in problem.message
    assert (problem.file, problem.line) == (str(tmp_path / "own.md.j2"), line)
    assert str(problem).startswith(f"{problem.file}:{line}:")


def test_a_mistake_in_what_it_extends_is_told_there(tmp_path: Path) -> None:
    write(tmp_path, {"base.md.j2": "{% block a %}{% endblock %}\n{{ pth }}"})
    error = refused(
        tmp_path, '{% extends "base.md.j2" %}{% block a %}{% endblock %}{% block aa %}{% endblock %}'
    )
    places = [(Path(problem.file).name, problem.line, problem.suggestion) for problem in error.problems]
    assert places == [("own.md.j2", 1, "a"), ("base.md.j2", 2, "path")]


def test_a_block_within_a_block_may_be_new(tmp_path: Path) -> None:
    inner = "{% block mine %}Mine.{% endblock %}"
    text = f'{{% extends "default/minimal.md.j2" %}}{{% block task %}}{inner}{{% endblock %}}'
    assert render(own(tmp_path, text), "normal", GIVEN).startswith("Mine.")


@pytest.mark.parametrize(
    "name",
    ["../secret.md.j2", "/etc/passwd", "../../etc/passwd", "link.md.j2", "linked/secret.md.j2", "./own.j2"],
)
def test_it_reads_no_file_outside_of_its_folder(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"secret.md.j2": "secret"})
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "link.md.j2").symlink_to(tmp_path / "secret.md.j2")
    (folder / "linked").symlink_to(tmp_path)
    for text in (
        f'{{% include "{name}" %}}',
        f'{{% include "{name}" ignore missing %}}',
        f'{{% extends "{name}" %}}',
    ):
        write(folder, {"own.md.j2": text})
        try:
            assert "secret" not in render(load_template("own.md.j2", folder, ["x"]), "x", GIVEN)
        except PipelineError as error:
            assert "there is no template" in str(error) or "leads out of" in str(error)


def test_a_template_that_is_no_template_is_none_to_include(tmp_path: Path) -> None:
    """A template at the top of the repository does not make the whole of it a folder of templates."""
    write(tmp_path, {".env": "TOKEN=1"})
    assert "there is no template '.env'" in str(refused(tmp_path, '{% include ".env" %}'))
    with pytest.raises(PipelineError, match=r"ends in \.j2, so that no other file is taken for one"):
        load_template(".env", tmp_path, LEVELS)


def test_the_nearest_names_are_offered(tmp_path: Path) -> None:
    write(tmp_path, {"prompts/careful.md.j2": "", ".stomper/prompts/brief/low.md.j2": ""})
    with pytest.raises(
        PipelineError, match=r"no template 'defualt'.*brief, careful, default.*mean 'default'"
    ):
        load_template("defualt", tmp_path, LEVELS)
    with pytest.raises(PipelineError, match=r"no template 'carefull'.*did you mean 'careful'"):
        load_template("carefull", tmp_path, LEVELS)
    with pytest.raises(PipelineError, match=r"no level 'detailled'.*did you mean 'detailed'"):
        load_template("default", tmp_path, ["minimal", "detailled"])
    with pytest.raises(PipelineError, match=r"'brief' has no level 'minimal'; it has low"):
        load_template("brief", tmp_path, LEVELS)
    with pytest.raises(PipelineError, match="did you mean 'findings'"):
        own(tmp_path, "{{ finding }}")
    with pytest.raises(PipelineError, match=r"there is no template 'missing\.j2'"):
        load_template("missing.j2", tmp_path, LEVELS)


def test_whether_it_needs_what_costs_time(tmp_path: Path) -> None:
    default = load_template("default", tmp_path, LEVELS)
    wanted = {
        name: [mentions(default, level, name) for level in LEVELS] for name in ("explanations", "related")
    }
    assert wanted == {"explanations": [False, False, True, True], "related": [False, False, False, True]}
    assert mentions(own(tmp_path, "{% include 'default/detailed.md.j2' %}"), "normal", "explanations")
    assert not mentions(own(tmp_path, "{{ path }}"), "normal", "explanations")
    head = '{% extends "default/verbose.md.j2" %}{% block related %}'
    assert not mentions(own(tmp_path, head + "{% endblock %}"), "normal", "related")
    assert mentions(own(tmp_path, head + "{{ super() }}{% endblock %}"), "normal", "related")
    assert mentions(own(tmp_path, head + "{{ related }}{% endblock %}"), "normal", "related")
    anything = own(tmp_path, '{% set part = "default/verbose.md.j2" %}{% include part %}')
    assert mentions(anything, "normal", "related")
