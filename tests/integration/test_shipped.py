"""Each pipeline that is shipped, on a small package with tests; what it did is looked at from outside.

`default` has its tests in test_real_code.py, `mypy` in test_type_errors.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

import stomper_sdk
from stomper_sdk import AgentTask

if TYPE_CHECKING:
    from tests.integration.conftest import Project

pytestmark = pytest.mark.timeout(200)

# Findings with a fix that ruff calls safe, with one that it does not, and without any.
SAFE = "import os\n\n\ndef one():\n    return 1\n"
UNSAFE = "def two():\n    unused = 1\n    return 2\n"
NO_FIX = "import sys\n\n\ndef three():\n    return undefined_name\n"
TESTS = """\
from pack.safe import one
from pack.unsafe import two


def test_them():
    assert (one(), two()) == (1, 2)
"""
FILES = {
    "ruff.toml": '[lint]\nselect = ["E", "F", "I", "W"]\n',
    "pack/__init__.py": "",
    "pack/safe.py": SAFE,
    "pack/unsafe.py": UNSAFE,
    "pack/no_fix.py": NO_FIX,
    "tests/test_pack.py": TESTS,
    "README.md": "A small package.\n",
}
FIXED = {
    "pack/safe.py": SAFE.removeprefix("import os\n"),
    "pack/unsafe.py": UNSAFE.replace("    unused = 1\n", ""),
    "pack/no_fix.py": NO_FIX.removeprefix("import sys\n"),
}


@pytest.fixture(scope="module")
def origin(make_project: Callable[..., Project]) -> Project:
    return make_project(FILES).dirty()


def test_ruff_takes_only_the_fixes_that_ruff_calls_safe(origin: Project) -> None:
    project, before = origin.copy("ruff"), origin.look()
    twin = origin.copy("twin")
    ran = project.run("ruff")
    project.hold(before, ran)
    twin.ruff("--fix")
    assert project.files() == twin.files()
    expected = {"pack/safe.py": "fixed", "pack/unsafe.py": "unfixed", "pack/no_fix.py": "partial"}
    assert (ran.exit_code, ran.fixed, ran.outcomes) == (1, 2, expected)
    assert ran.files["pack/safe.py"]["tests"].startswith("1 passed")


def test_strict_commits_only_what_is_whole_and_passes_all_tests(origin: Project) -> None:
    project, before = origin.copy("strict"), origin.look()
    ran = project.run("strict")
    project.hold(before, ran)
    expected = {"pack/safe.py": "fixed", "pack/unsafe.py": "fixed", "pack/no_fix.py": "unfixed"}
    assert (ran.exit_code, ran.fixed, ran.outcomes) == (1, 2, expected)
    assert project.read("pack/no_fix.py") == NO_FIX
    assert project.tests("HEAD") == origin.tests("HEAD")
    assert "(all: the mode is full)" in ran.files["pack/safe.py"]["tests"]


def test_branch_commits_to_a_new_branch_and_leaves_the_current_one(origin: Project) -> None:
    project, before = origin.copy("branch"), origin.look()
    ran = project.run("branch")
    after = project.look()
    assert (after.files, after.status, after.dirt, after.head) == (
        before.files,
        before.status,
        before.dirt,
        before.head,
    )
    branch = f"refs/heads/stomper/{ran.document['session_id']}"
    assert after.refs == {**before.refs, branch: ran.document["head_commit"]}
    assert project.leftovers(ran) == []
    assert {path: project.git("show", f"{branch}:{path}") for path in FIXED} == FIXED
    assert project.git("rev-list", "--count", f"HEAD..{branch}").strip() == "3"
    assert project.git("diff", "--name-only", "HEAD", branch).split() == sorted(FIXED)
    project.git("stash", "--quiet")
    project.git("switch", "--quiet", branch.removeprefix("refs/heads/"))
    assert before.total - project.ruff().total() == ran.fixed == 3


@pytest.fixture
def folder(origin: Project, make_project: Callable[..., Project]) -> Project:
    """The same files in a folder that is no repository."""
    folder: Project = make_project(FILES, repository=False)
    (folder.root / "pack" / "safe.py").chmod(0o755)
    (folder.root / "link.py").symlink_to("pack/no_fix.py")
    return folder


def test_direct_fixes_a_folder_that_is_no_repository(folder: Project) -> None:
    before = folder.look()
    ran = folder.run("direct", "--files", "pack/**")
    after = folder.look()
    assert ran.outcomes == {"pack/safe.py": "fixed", "pack/unsafe.py": "fixed", "pack/no_fix.py": "partial"}
    assert {path: folder.read(path) for path in FIXED} == FIXED
    assert (ran.exit_code, ran.fixed, before.of(FIXED) - after.of(FIXED)) == (1, 3, 3)
    changed = {path for path in before.files if before.files[path] != after.files.get(path)}
    assert (changed, after.files.keys()) == (set(FIXED), before.files.keys())
    assert {path: entry.mode for path, entry in after.files.items()} == {
        path: entry.mode for path, entry in before.files.items()
    }
    assert folder.leftovers(ran) == []


def scribbles(task: AgentTask) -> None:
    for path in task.workspace.rglob("*.py"):
        path.write_text("scribbled")
    (task.workspace / "README.md").unlink()
    (task.workspace / "tests" / "more").mkdir()
    (task.workspace / "tests" / "more" / "new.py").write_text("new")
    shutil.rmtree(task.workspace / "pack")
    raise ValueError("gave up")


def test_direct_brings_back_every_file_that_an_agent_may_touch(folder: Project) -> None:
    before = folder.files()
    overrides = {"guard.scope": "repo", "retry.max_attempts": 1}
    result = stomper_sdk.run("direct", repo=folder.root, agents={"builtin": scribbles}, overrides=overrides)
    assert folder.files() == before
    assert (result.exit_code, result.total_errors_fixed) == (1, 0)
    assert {file.outcome for file in result.files} == {"error"}


def test_direct_brings_back_its_file_and_tells_what_else_changed(folder: Project) -> None:
    before = folder.files()
    overrides = {"retry.max_attempts": 1, "files.max_files": 1, "files.exclude": ["link.py"]}
    result = stomper_sdk.run("direct", repo=folder.root, agents={"builtin": scribbles}, overrides=overrides)
    own = result.files[0].path
    assert (result.files[0].outcome, folder.files()[own]) == ("error", before[own])
    assert any("changed meanwhile by no fix" in notice for notice in result.notices)


def test_direct_brings_back_a_file_whose_fix_breaks_the_tests(folder: Project) -> None:
    def breaks(task: AgentTask) -> None:
        (task.workspace / task.path).write_text("def one():\n    return 2\n")

    before = folder.files()
    result = stomper_sdk.run(
        "direct",
        repo=folder.root,
        agents={"builtin": breaks},
        overrides={"files.include": ["pack/safe.py"], "retry.max_attempts": 1},
    )
    assert folder.files() == before
    assert [(file.path, file.outcome) for file in result.files] == [("pack/safe.py", "rejected")]
