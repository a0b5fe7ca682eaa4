"""Projects installed with `pip install -e`, as setuptools and others do it, from the user's checkout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.model.pipeline import TestValidationSpec
from stomper_sdk.validation import NoTests, TestSuite

# What setuptools writes into site-packages for a project whose layout a path cannot express.
FINDER = """\
import sys
from importlib.machinery import ModuleSpec
from importlib.machinery import all_suffixes as module_suffixes
from importlib.util import spec_from_file_location
from itertools import chain
from pathlib import Path

MAPPING = @MAPPING@
NAMESPACES = {}
PATH_PLACEHOLDER = '__editable__.demo-1.0.finder' + ".__path_hook__"


class _EditableFinder:  # MetaPathFinder
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        for pkg, pkg_path in reversed(list(MAPPING.items())):
            if fullname == pkg or fullname.startswith(f"{pkg}."):
                rest = fullname.replace(pkg, "", 1).strip(".").split(".")
                return cls._find_spec(fullname, Path(pkg_path, *rest))

        return None

    @classmethod
    def _find_spec(cls, fullname, candidate_path):
        init = candidate_path / "__init__.py"
        candidates = (candidate_path.with_suffix(x) for x in module_suffixes())
        for candidate in chain([init], candidates):
            if candidate.exists():
                return spec_from_file_location(fullname, candidate)


class _EditableNamespaceFinder:  # PathEntryFinder
    @classmethod
    def _path_hook(cls, path):
        if path == PATH_PLACEHOLDER:
            return cls
        raise ImportError

    @classmethod
    def _paths(cls, fullname):
        # Ensure __path__ is not empty for the spec to be considered a namespace.
        return NAMESPACES[fullname] or MAPPING.get(fullname) or [PATH_PLACEHOLDER]

    @classmethod
    def find_spec(cls, fullname, target=None):
        if fullname in NAMESPACES:
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = cls._paths(fullname)
            return spec
        return None

    @classmethod
    def find_module(cls, fullname):
        return None


def install():
    if not any(finder == _EditableFinder for finder in sys.meta_path):
        sys.meta_path.append(_EditableFinder)

    if not NAMESPACES:
        return

    if not any(hook == _EditableNamespaceFinder._path_hook for hook in sys.path_hooks):
        # PathEntryFinder is needed to create NamespaceSpec without private APIS
        sys.path_hooks.append(_EditableNamespaceFinder._path_hook)
    if PATH_PLACEHOLDER not in sys.path:
        sys.path.append(PATH_PLACEHOLDER)  # Used just to trigger the path hook
"""
TEST = "from demo import double\n\ndef test_double():\n    assert double(2) == 4\n"
GOOD = "def double(x):\n    return 2 * x\n"
BAD = "def double(x):\n    return 3 * x\n"


def install_by_path(packages: Path, source: Path, folder: Path) -> None:
    (packages / "__editable__.demo-1.0.pth").write_text(str(source))


def install_by_finder(packages: Path, source: Path, folder: Path) -> None:
    finder = FINDER.replace("@MAPPING@", repr({"demo": str(folder)}))
    (packages / "__editable___demo_1_0_finder.py").write_text(finder)
    start = "import __editable___demo_1_0_finder; __editable___demo_1_0_finder.install()"
    (packages / "__editable__.demo-1.0.pth").write_text(start)


def install_first(packages: Path, source: Path, folder: Path) -> None:
    """As build tools for compiled modules do it: their finder comes before the import path."""
    install_by_finder(packages, source, folder)
    finder = packages / "__editable___demo_1_0_finder.py"
    finder.write_text(finder.read_text().replace("meta_path.append(", "meta_path.insert(0, "))


async def suite_of(root: Path, **options: Any) -> TestSuite:
    suite = await TestSuite.find(TestValidationSpec(flaky_reruns=0, **options), root)
    assert not isinstance(suite, NoTests)
    return suite


@pytest.mark.trio
@pytest.mark.parametrize(
    ("source", "install", "mode"),
    [
        ("", install_by_path, "quick"),
        ("src/", install_by_path, "full"),
        ("", install_by_finder, "full"),
        ("src/", install_by_finder, "quick"),
    ],
)
async def test_a_fix_that_breaks_the_code_fails_though_the_checkout_is_fine(
    project: Callable[[Mapping[str, str]], Any],
    environment: Path,
    source: str,
    install: Callable[[Path, Path, Path], None],
    mode: str,
) -> None:
    demo = project({f"{source}demo/__init__.py": GOOD, "tests/test_demo.py": TEST})
    install(environment, demo.root / source, demo.root / source / "demo")
    workspace = demo.workspace({f"{source}demo/__init__.py": BAD})
    suite = await suite_of(demo.root)
    verdict = await suite.validate(workspace, [f"{source}demo/__init__.py"], mode=mode, base=demo)
    assert verdict.state == "failed"
    assert [failure.nodeid for failure in verdict.failures] == ["tests/test_demo.py::test_double"]
    same = await suite.validate(demo.workspace({}), [f"{source}demo/__init__.py"], mode=mode, base=demo)
    assert same.state == "passed"


@pytest.mark.trio
@pytest.mark.parametrize("command", ["auto", "python -m pytest", "pytest tests"])
async def test_tests_that_import_the_checkout_are_blind(
    project: Callable[[Mapping[str, str]], Any], environment: Path, command: str
) -> None:
    demo = project({"demo/__init__.py": GOOD, "tests/test_demo.py": TEST})
    install_first(environment, demo.root, demo.root / "demo")
    workspace = demo.workspace({"demo/__init__.py": BAD})
    suite = await suite_of(demo.root, command=command)
    verdict = await suite.validate(workspace, ["demo/__init__.py"], mode="quick", base=demo)
    assert verdict.state == "blind"
    assert "checkout instead of the workspace" in verdict.summary
    assert str(demo.root / "demo/__init__.py") in verdict.summary


@pytest.mark.trio
async def test_a_package_under_another_name_than_its_folder_is_blind_not_passed(
    project: Callable[[Mapping[str, str]], Any], environment: Path
) -> None:
    demo = project({"code/__init__.py": GOOD, "tests/test_demo.py": TEST})
    install_by_finder(environment, demo.root, demo.root / "code")
    workspace = demo.workspace({"code/__init__.py": BAD})
    verdict = await (await suite_of(demo.root)).validate(
        workspace, ["code/__init__.py"], mode="full", base=demo
    )
    assert verdict.state == "blind"
