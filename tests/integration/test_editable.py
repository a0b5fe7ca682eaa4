"""A project that is installed with `pip install -e`: its tests must try the fix, not the user's checkout."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import stomper_sdk

if TYPE_CHECKING:
    from tests.integration.conftest import Project

pytestmark = pytest.mark.timeout(200)

MODULE = """\
import os


def add(left: int, right: int) -> int:
    return left + right
"""
TESTS = """\
from sums.core import add


def test_add():
    assert add(2, 3) == 5
"""
PYPROJECT = """\
[project]
name = "sums"
version = "1.0"

[build-system]
requires = []
build-backend = "backend"
backend-path = ["building"]
"""
# The least that a build tool does for an editable install: a wheel that holds a `.pth` file.
BACKEND = """\
from pathlib import Path
from zipfile import ZipFile


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "sums-1.0-py3-none-any.whl"
    files = {
        "sums.pth": str(Path.cwd() / "@FOLDER@"),
        "sums-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: sums\\nVersion: 1.0\\n",
        "sums-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    files["sums-1.0.dist-info/RECORD"] = "".join(f"{file},,\\n" for file in files)
    with ZipFile(Path(wheel_directory, name), "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
    return name
"""
# Both remove the import that ruff complains of; one of them also makes the function wrong.
FIXING = {"find": "import os\n\n\n", "replace": ""}
BREAKING = {"find": "left + right", "replace": "left - right"}
CONSOLE_SCRIPT = "#!{python}\nimport sys\n\nfrom pytest import console_main\n\nsys.exit(console_main())\n"


def _python(folder: Path) -> Path:
    """An environment that has what ours has, so that nothing needs to be downloaded."""
    venv.create(folder, symlinks=True, with_pip=False)
    python = folder / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    own = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    paths = [*sorted(own), str(Path(stomper_sdk.__file__).parents[1])]
    (folder / "lib" / version / "site-packages" / "ours.pth").write_text("\n".join(paths) + "\n")
    script = folder / "bin" / "pytest"
    script.write_text(CONSOLE_SCRIPT.format(python=python))
    script.chmod(0o755)
    return python


@pytest.fixture(scope="module", params=[".", "src"], ids=["flat", "src"])
def installed(
    request: pytest.FixtureRequest,
    make_project: Callable[..., Project],
    tmp_path_factory: pytest.TempPathFactory,
) -> Project:
    if importlib.util.find_spec("pip") is None:
        pytest.skip("pip is not installed, which makes the editable install")
    folder = "" if request.param == "." else f"{request.param}/"
    files = {
        f"{folder}sums/__init__.py": "",
        f"{folder}sums/core.py": MODULE,
        "tests/test_core.py": TESTS,
        "pyproject.toml": PYPROJECT,
        "building/backend.py": BACKEND.replace("@FOLDER@", request.param),
    }
    python = _python(tmp_path_factory.mktemp("environment") / "venv")
    project: Project = make_project(files, python=python)
    project.environment.pop("PYTHONPATH")
    project.environment["PYTHONDONTWRITEBYTECODE"] = "1"
    options = ("--quiet", "--editable", ".", "--no-deps", "--no-build-isolation", "--no-index")
    project.call(sys.executable, "-m", "pip", "--python", python, "install", *options)
    where = project.call(python, "-c", "import sums.core; print(sums.core.__file__)", cwd=project.beside)
    assert where.stdout.strip() == str(project.root / folder / "sums" / "core.py")
    return project


def test_a_fix_that_breaks_the_code_is_rejected_and_one_that_does_not_is_committed(
    installed: Project,
) -> None:
    before, tree = installed.look(), installed.tree
    [module] = [path for path, _, _ in before.findings]

    ran = installed.run(_pipeline(installed, FIXING, BREAKING))
    installed.hold(before, ran)
    assert (ran.exit_code, ran.fixed, ran.outcomes) == (1, 0, {module: "rejected"})
    assert "test_add" in ran.files[module]["reason"]
    assert (installed.tree, installed.read(module)) == (tree, MODULE)

    ran = installed.run(_pipeline(installed, FIXING))
    installed.hold(before, ran)
    assert (ran.exit_code, ran.fixed, ran.outcomes) == (0, 1, {module: "fixed"})
    assert ran.files[module]["tests"].startswith("1 passed")
    assert installed.read(module) == MODULE.removeprefix("import os\n\n\n")


def _pipeline(project: Project, *edits: dict[str, str]) -> Path:
    agent = {"use": "scripted", "replies": [{"edits": edits}]}
    once = {"max_attempts": 1}
    return project.pipeline({"checks": {"ruff": {}}, "agents": {"main": agent}, "retry": once})
