from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from stomper_sdk.validation import import_roots, tree_environment

Write = Callable[[Path, Mapping[str, str]], Path]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[tool.setuptools]\npackage-dir = {"" = "lib"}'),
        ("pyproject.toml", '[tool.setuptools]\npackage-dir = {"pkg" = "lib/pkg"}'),
        ("pyproject.toml", '[tool.setuptools.packages.find]\nwhere = ["lib"]'),
        ("pyproject.toml", '[tool.hatch.build.targets.wheel]\npackages = ["lib/pkg"]'),
        ("pyproject.toml", '[tool.hatch.build.targets.wheel]\nsources = ["lib"]'),
        ("pyproject.toml", '[tool.hatch.build.targets.wheel.sources]\n"lib" = ""'),
        ("pyproject.toml", '[tool.hatch.build]\ndev-mode-dirs = ["lib"]'),
        ("pyproject.toml", '[tool.poetry]\npackages = [{include = "pkg", from = "lib"}]'),
        ("pyproject.toml", '[tool.pdm]\npackage-dir = "lib"'),
        ("pyproject.toml", '[tool.pytest.ini_options]\npythonpath = ["lib"]'),
        ("pyproject.toml", '[tool.pytest]\npythonpath = ["lib"]'),
        ("pytest.ini", "[pytest]\npythonpath = lib"),
        ("tox.ini", "[pytest]\npythonpath = ./lib/"),
        ("setup.cfg", "[options]\npackage_dir =\n    = lib"),
        ("setup.cfg", "[options.packages.find]\nwhere = lib"),
        ("setup.cfg", "[tool:pytest]\npythonpath = lib"),
        ("setup.py", 'setup(name="pkg", package_dir={"": "lib"})'),
    ],
)
def test_roots_that_the_configuration_names(tmp_path: Path, write: Write, name: str, text: str) -> None:
    write(tmp_path, {name: text, "lib/pkg/__init__.py": ""})
    assert import_roots(tmp_path) == (".", "lib")


def test_src_is_a_root_where_it_exists(tmp_path: Path, write: Write) -> None:
    assert import_roots(tmp_path) == (".",)
    write(tmp_path, {"src/pkg/__init__.py": ""})
    assert import_roots(tmp_path) == (".", "src")


def test_only_the_file_that_pytest_reads_counts(tmp_path: Path, write: Write) -> None:
    write(tmp_path, {"a/x.py": "", "b/x.py": "", "pytest.ini": "[pytest]\npythonpath = a\n"})
    write(tmp_path, {"pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["b"]'})
    assert import_roots(tmp_path) == (".", "a")


@pytest.mark.parametrize(
    "where", ['"../outside"', '"/"', '"link"', '"a:b"', '"gone"', '"\\u0000"', "3", "[1, {}]", '"file"']
)
def test_a_root_never_lies_outside(tmp_path: Path, write: Write, where: str) -> None:
    root = write(tmp_path / "root", {"file": "", "a:b/x.py": ""})
    write(tmp_path, {"outside/x.py": ""})
    (root / "link").symlink_to(tmp_path / "outside")
    write(root, {"pyproject.toml": f"[tool.setuptools.packages.find]\nwhere = [{where}]"})
    assert import_roots(root) == (".",)


@pytest.mark.parametrize(
    "text",
    ["[tool", "[tool]\nsetuptools = 3", "tool = []", "x = " + "[" * 5000, "[tool.poetry]\npackages = [1]"],
)
def test_a_broken_configuration_names_nothing(tmp_path: Path, write: Write, text: str) -> None:
    write(tmp_path, {"pyproject.toml": text, "setup.cfg": "no section\n", "setup.py": "package_dir={'': "})
    (tmp_path / "tox.ini").write_bytes(b"\xff\xfe[pytest]")
    assert import_roots(tmp_path) == (".",)


def test_the_trees_roots_come_before_what_was_on_the_path(tmp_path: Path, write: Write) -> None:
    write(tmp_path, {"src/pkg.py": ""})
    made = tree_environment(tmp_path, {"PYTHONPATH": "/old", "HOME": "/home/tess"})
    assert made["PYTHONPATH"].split(os.pathsep) == [str(tmp_path), str(tmp_path / "src"), "/old"]
    assert made["HOME"] == "/home/tess"
    assert tree_environment(tmp_path, {})["PYTHONPATH"].split(os.pathsep)[-1] == str(tmp_path / "src")
