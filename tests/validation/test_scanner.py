from __future__ import annotations

import ast
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from stomper_sdk.validation.scanner import FileImports, Import, scan


def parsed(source: bytes) -> Iterator[Import]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.level, node.module or "", tuple(alias.name for alias in node.names))


def scanned(text: str) -> FileImports:
    return scan(text.encode(), test_support=True)


def test_every_import_that_a_parser_finds_is_found_in_the_standard_library() -> None:
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    assert len(files) > 100
    for source in map(Path.read_bytes, files):
        assert set(parsed(source)) <= scan(source, test_support=False).imports


@pytest.mark.parametrize(
    "text",
    [
        "import a, b.c as d\n",
        "from . import a\n",
        "from.a import(b)\n",
        "from .. a . b import c as d, e\n",
        "from a import (  # why )\n    b,  # (\n    c,\n)\n",
        "from a import b, \\\n    c\n",
        "from a \\\n  import b\n",
        "x = 1; import a; from b import *\n",
        "if x: import a\n",
        "try: from a import b\nexcept ImportError: import c\n",
        "def f():\r\n\timport a\r\n",
        "\fimport a\n",
    ],
)
def test_imports_in_every_spelling(text: str) -> None:
    assert set(parsed(text.encode())) <= scanned(text).imports


@pytest.mark.parametrize(
    "text",
    [
        "run([python, '-c', 'import a.b'])",
        "run([python, '-c', 'x = 1; import a.b'])",
        "run([python, '-c', 'x = 1\\nimport a.b'])",
        '"""\n>>> import a.b\n"""',
        "importlib.import_module('a.b')",
        "pytest.importorskip('a.b')",
        "run([python, '-m', 'a.b'])",
        "run('python -m a.b', shell=True)",
    ],
)
def test_code_in_strings_and_modules_by_name_count_as_imports(text: str) -> None:
    assert Import(0, "a.b") in scanned(text).imports
    assert not scanned(text).opaque


@pytest.mark.parametrize(
    "text",
    [
        "importlib.import_module(name)",
        "__import__('pkg.' + name)",
        "from importlib import import_module as load",
        "spec_from_file_location('x', path)",
        "pytest_plugins = [f'pkg.{name}']",
        "pytest_plugins = find()",
        "for file in ROOT.rglob('*.py'): check(file)",
    ],
)
def test_what_is_known_at_run_time_only_is_opaque(text: str) -> None:
    assert scanned(text).opaque


@pytest.mark.parametrize("value", ['"a.b"', "['a.b', 'pytester']", '(\n    "a.b",\n)', ""])
def test_plugins_that_are_written_out_are_plain_names(value: str) -> None:
    text = f"pytest_plugins: list[str] = {value}\n" if value else "x = 1\n"
    assert not scanned(text).opaque
    assert ("a.b" in scanned(text).words) == bool(value)


def test_strings_count_in_files_that_serve_tests_alone() -> None:
    text = b"patch('pkg.mod.func'); run('tools/make.py')"
    assert {"pkg.mod.func", "tools/make.py"} <= scan(text, test_support=True).words
    assert scan(text, test_support=False).words == frozenset()


def test_a_changed_import_path_is_seen_and_a_read_one_is_not() -> None:
    assert scanned("sys.path.insert(0, 'lib')").moves_path
    assert scanned("sys.path[:0] = ['lib']").moves_path
    assert not scanned("print(sys.path)\nassert sys.path == old").moves_path
