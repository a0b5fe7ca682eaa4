"""Files as they come: any name, any line ends, links, notebooks."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.conftest import Project

pytestmark = pytest.mark.timeout(200)

UNUSED = "import os\n\nONE = 1\n"
NAMES = (
    "with space.py",
    "single'quote.py",
    'double"quote.py',
    "new\nline.py",
    "tab\tback\\slash.py",
    "grüße-日本-🎉.py",
    "-leading-dash.py",
    "--help.py",
    "$HOME `id` ;&|.py",
    "[glob]*?.py",
    "a folder/näme #1.py",
    ":colon:(exclude).py",
)
CONTENTS = {
    "crlf.py": b"import os\r\n\r\nONE = 1\r\n",
    "no_end.py": b"import os\n\nONE = 1",
    "bom.py": b"\xef\xbb\xbfimport os\n\nONE = 1\n",
    "executable.py": b"#!/usr/bin/env python3\nimport os\n\nONE = 1\n",
    "stub.pyi": b"import os\n\nONE: int\n",
}
FIXED = {
    "crlf.py": b"\r\nONE = 1\r\n",
    "no_end.py": b"\nONE = 1",
    "bom.py": b"\xef\xbb\xbf\nONE = 1\n",
    "executable.py": b"#!/usr/bin/env python3\n\nONE = 1\n",
    "stub.pyi": b"\nONE: int\n",
}
RUFF = '[lint]\nselect = ["F"]\n'


def notebook(*sources: str) -> str:
    """A notebook as Jupyter writes it, one row of a cell per line."""
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell{number}",
            "metadata": {},
            "outputs": [],
            "source": source.splitlines(keepends=True),
        }
        for number, source in enumerate(sources)
    ]
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("parallel", [1, 16])
def test_names_that_confuse_shells_and_tools(make_project: Callable[..., Project], parallel: int) -> None:
    project = make_project({"ruff.toml": RUFF, **dict.fromkeys(NAMES, UNUSED)}).dirty()
    before = project.look()
    assert before.total == len(NAMES)
    ran = project.run("--max-parallel-files", parallel)
    after = project.hold(before, ran)
    assert (ran.exit_code, after.total, ran.outcomes) == (0, 0, dict.fromkeys(NAMES, "fixed"))
    assert {project.read(name) for name in NAMES} == {"\nONE = 1\n"}


def test_line_ends_marks_and_modes_stay_what_they_are(make_project: Callable[..., Project]) -> None:
    project = make_project({"ruff.toml": RUFF, **CONTENTS}, repository=False)
    (project.root / "executable.py").chmod(0o755)
    project.start().dirty()
    before = project.look()
    ran = project.run()
    after = project.hold(before, ran)
    assert (ran.exit_code, ran.fixed, after.total) == (0, len(CONTENTS), 0)
    assert {name: (project.root / name).read_bytes() for name in CONTENTS} == FIXED
    committed = {name: project.git("show", f"HEAD:{name}").encode() for name in ("no_end.py", "stub.pyi")}
    assert committed == {name: FIXED[name] for name in committed}
    assert os.access(project.root / "executable.py", os.X_OK)
    modes = {name: entry.mode for name, entry in after.files.items()}
    assert modes == {name: entry.mode for name, entry in before.files.items()}


def test_a_link_stays_a_link_and_its_target_is_fixed_once(make_project: Callable[..., Project]) -> None:
    project = make_project({"ruff.toml": RUFF, "real.py": UNUSED}, repository=False)
    outside = project.beside / "outside.py"
    outside.write_text(UNUSED)
    (project.root / "inside.py").symlink_to("real.py")
    (project.root / "leads_out.py").symlink_to(outside)
    project.start()
    before = project.look()
    ran = project.run()
    after = project.look()
    project.left_alone(before, after, ran)
    assert ran.outcomes["real.py"] == "fixed"
    assert (ran.fixed, project.read("real.py"), outside.read_text()) == (1, "\nONE = 1\n", UNUSED)
    assert (project.root / "inside.py").readlink().as_posix() == "real.py"
    assert (project.root / "leads_out.py").readlink() == outside
    assert project.git("show", "--format=", "--name-only", "HEAD").split() == ["real.py"]
    skipped = {end["path"] for end in ran.ends("skipped")}
    assert skipped == {path for path, _, _ in before.findings} - {"real.py"}
    assert ran.exit_code == (1 if skipped else 0)


def test_a_notebook(make_project: Callable[..., Project]) -> None:
    text = notebook("import json\nimport os\n", "print(json.dumps('grün'))\n")
    project = make_project({"ruff.toml": RUFF, "a notebook.ipynb": text}).dirty()
    before = project.look()
    ran = project.run()
    after = project.hold(before, ran)
    assert (before.total, after.total, ran.fixed, ran.exit_code) == (1, 0, 1, 0)
    [place] = [number for number, line in enumerate(text.splitlines(), 1) if "import os" in line]
    assert [end["line"] for end in ran.ends("fixed")] == [place]
    assert json.loads(project.read("a notebook.ipynb")) == json.loads(
        notebook("import json\n", "print(json.dumps('grün'))\n")
    )
