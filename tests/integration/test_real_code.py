"""Code that people use, with its own tests, fixed by the default pipeline through the command line.

What the run says of itself is held against what git, ruff and the package's own tests say.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

if TYPE_CHECKING:
    from tests.integration.conftest import Project, Ran, Seen

pytestmark = pytest.mark.timeout(300)

MODULES = ("fnmatch", "getopt", "shlex")
CONFTEST = f'''\
"""The tests import the modules of this repository, not those of the running Python."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
for name in {MODULES}:
    sys.modules.pop(name, None)
'''
BROAD = 'line-length = 88\n\n[lint]\nselect = ["E", "F", "W", "I", "UP", "B", "C4", "SIM"]\n'


@attrs.frozen
class Source:
    """A package: its archive, the files of it that are fixed, and what its own tests are told.

    Testing each file takes long, so only some of the large packages' files are fixed.
    """

    name: str
    version: str = ""
    only: tuple[str, ...] = ()
    test_arguments: tuple[str, ...] = ()


#: A doctest that fails where half a second goes by between two of its lines.
_BY_THE_CLOCK = "boltons/timeutils.py::boltons.timeutils.dt_to_timestamp"
SOURCES = {
    "stdlib": Source("stdlib"),
    "toolz": Source("toolz", "0.12.0", ("toolz/tests/test_[df]*.py",)),
    "click": Source("click", "7.1.2", ("src/click/f*.py", "tests/test_basic.py")),
    "boltons": Source("boltons", "21.0.0", (), ("--doctest-modules", "boltons", "--deselect", _BY_THE_CLOCK)),
}


@attrs.define(slots=False)
class Package:
    """A package in a repository, and what is seen of it before a run."""

    source: Source
    project: Project

    @cached_property
    def before(self) -> Seen:
        return self.project.look()

    @cached_property
    def tests_before(self) -> dict[str, str]:
        return self.project.tests("HEAD", *self.source.test_arguments)

    def fixed(self, parallel: int) -> tuple[Project, Ran]:
        """A copy after a run."""
        copy = self.project.copy(str(parallel))
        files = ("--files", *self.source.only) if self.source.only else ()
        return copy, copy.run("--max-parallel-files", parallel, *files)


@pytest.fixture(scope="session")
def archives(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Source], Path]:
    """Fetches a package's source archive, once for all sessions that share pytest's cache."""
    cache = getattr(request.config, "cache", None)
    folder = cache.mkdir("archives") if cache else tmp_path_factory.mktemp("archives")
    tried: list[str] = []

    def archive(source: Source) -> Path:
        wanted: Path = folder / f"{source.name}-{source.version}.tar.gz"
        if not wanted.is_file() and not tried:
            tried.append(_downloaded(folder))
        if not wanted.is_file():
            give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
            give_up(f"the package registry cannot be reached: {tried[0] if tried else 'no archive'}")
        return wanted

    return archive


def _downloaded(folder: Path) -> str:
    """Download what is missing; what went wrong is returned."""
    wanted = [f"{source.name}=={source.version}" for source in SOURCES.values() if source.version]
    binary = ("--no-binary", ":all:", "--only-binary", "setuptools,wheel")
    argv = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        *binary,
        "--dest",
        folder,
        *wanted,
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=240)
    return (done.stderr.strip().splitlines() or ["no word of pip"])[-1] if done.returncode else ""


def _standard_library(root: Path) -> None:
    library = Path(sysconfig.get_path("stdlib"))
    if importlib.util.find_spec("test") is None or not (library / "test" / "test_shlex.py").is_file():
        pytest.skip("this Python comes without the package `test`, its own tests")
    for folder in ("lib", "tests"):
        (root / folder).mkdir(parents=True)
    for name in MODULES:
        shutil.copyfile(library / f"{name}.py", root / "lib" / f"{name}.py")
        shutil.copyfile(library / "test" / f"test_{name}.py", root / "tests" / f"test_{name}.py")
    (root / "tests" / "conftest.py").write_text(CONFTEST)


def _unpack(archive: Path, root: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(root.parent, filter="data")
    root.rmdir()
    (root.parent / archive.name.removesuffix(".tar.gz")).rename(root)


@pytest.fixture(scope="session")
def unpack(
    make_project: Callable[..., Project], archives: Callable[[Source], Path]
) -> Callable[[Source], Project]:
    """Makes a folder with a package in it, no repository yet."""

    def made(source: Source) -> Project:
        archive = archives(source) if source.version else None
        project: Project = make_project({}, repository=False)
        if archive is None:
            _standard_library(project.root)
        else:
            _unpack(archive, project.root)
        return project

    return made


@pytest.mark.parametrize(
    ("name", "parallels"),
    [
        ("stdlib", (1, 4, 16)),
        *(pytest.param(name, (1, 16), marks=pytest.mark.registry) for name in ("toolz", "click", "boltons")),
    ],
)
def test_what_a_run_says_is_what_an_outside_look_sees(
    name: str, parallels: tuple[int, ...], unpack: Callable[[Source], Project]
) -> None:
    """All of a package in one test, so that no two workers make the same runs, which take long."""
    package = Package(SOURCES[name], unpack(SOURCES[name]).start().dirty())
    runs = {parallel: package.fixed(parallel) for parallel in parallels}
    for parallel, (project, ran) in runs.items():
        project.hold(package.before, ran)
        assert ran.fixed > 10
        assert 1 <= ran.document["peak_parallel_files"] <= parallel
    assert "passed" in package.tests_before.values()
    assert runs[16][0].tests("HEAD", *package.source.test_arguments) == package.tests_before
    assert len({project.tree for project, _ in runs.values()}) == 1
    assert len({str(_steady(ran)) for _, ran in runs.values()}) == 1


def _steady(ran: Ran) -> dict[str, Any]:
    """What does not depend on the clock."""
    return {name: value for name, value in ran.document["reducers"].items() if not name.startswith("seconds")}


@pytest.mark.registry
def test_a_broad_selection_of_rules(unpack: Callable[[Source], Project]) -> None:
    source = SOURCES["boltons"]
    project = unpack(source)
    project.write({"ruff.toml": BROAD})
    package = Package(source, project.start().dirty())
    before = package.before
    project, ran = package.fixed(4)
    after = project.hold(before, ran)
    assert ran.fixed == before.total - after.total > 100
    assert project.tests("HEAD", *source.test_arguments) == package.tests_before


@pytest.mark.registry
def test_the_pipeline_that_init_writes_runs_as_it_is(unpack: Callable[[Source], Project]) -> None:
    project = unpack(SOURCES["boltons"]).start()
    project.call(sys.executable, "-m", "stomper_sdk", "init")
    before = project.look()
    after = project.hold(before, project.run())
    assert before.total - after.total > 100
