"""The plan of the house: imports run one way, and each foreign library has its room."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import stomper_sdk

PACKAGE = Path(stomper_sdk.__file__).parent
ROOT = PACKAGE.parent
# From the words up to the command line; a room imports only from floors below its own, and from itself.
FLOORS = (
    {"errors", "faults", "secrets", "signals"},
    {"options", "extras", "orphans", "guest", "model", "probe", "flock", "signatures", "clearing", "edits"},
    {"registry", "events", "process", "reports"},
    {"progress", "vcs", "journal", "reducers", "config", "sandbox", "endpoint"},
    {"guard", "workspaces", "validation", "learning", "spending", "experiments"},
    {"prompts", "agents", "checks", "survey"},
    {"stages", "testing", "starter"},
    {"interpreter", "decorators"},
    {"api"},
    {"demo", "doctor", "laboratory"},
    {"console", "look"},
    {"commands"},
    {"cli"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ROOMS_OF = {
    "yaml": {"config"},
    "jsonschema": {"config"},
    "git": {"vcs"},
    "gitdb": {"vcs"},
    "rich": {"console"},
    "asyncio": {"guest"},
    "jinja2": {"prompts", "stages"},
    "sqlite3": {"learning", "validation"},
    "openai": {"endpoint"},
    "httpx2": {"endpoint"},
    "tiktoken": {"endpoint"},
}
WITHOUT_TRIO = {
    *("errors", "options", "model", "reports", "registry", "signatures", "reducers", "config", "guard"),
    "experiments",
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    here = room(path)
    if here in ("__init__", "__main__"):
        return
    for name in imports(path):
        top, _, rest = name.partition(".")
        there = rest.partition(".")[0]
        if top == "stomper_sdk" and there in FLOOR and there != here:
            assert FLOOR[there] < FLOOR[here], f"{path.name} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_library_has_its_room(path: Path) -> None:
    for name in imports(path):
        top = name.partition(".")[0]
        assert room(path) in ROOMS_OF.get(top, {room(path)}), f"{path.name} imports {name}"
        assert top != "trio" or room(path) not in WITHOUT_TRIO, f"{path.name} imports trio"


def test_every_room_is_on_the_plan() -> None:
    assert {room(path) for path in MODULES} - {"__init__", "__main__"} == set(FLOOR)


def test_every_library_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = (name for names in project["optional-dependencies"].values() for name in names)
    declared = {name.partition(">")[0].lower() for name in (*project["dependencies"], *optional)}
    packages = {"git": "gitpython", "gitdb": "gitpython", "yaml": "pyyaml"}
    foreign = {name.partition(".")[0] for path in MODULES for name in imports(path)}
    known = foreign & {*ROOMS_OF, "attrs", "trio", "pathspec", "psutil", "sniffio"}
    assert {packages.get(name, name) for name in known - {"asyncio", "sqlite3"}} <= declared


def test_the_public_names_are_there_sorted_and_typed() -> None:
    assert stomper_sdk.__all__ == sorted(stomper_sdk.__all__)
    for name in stomper_sdk.__all__:
        assert getattr(stomper_sdk, name) is not None
    typed = {
        alias.asname
        for node in ast.walk(ast.parse((PACKAGE / "__init__.py").read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed - {None, "annotations"} == set(stomper_sdk.__all__) - {"__version__"}
    assert (PACKAGE / "py.typed").exists()


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        stomper_sdk.nonsense  # noqa: B018
