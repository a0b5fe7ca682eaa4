"""What tests say before any fix is found out once for a base commit, also by several runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

import stomper_sdk
from stomper_sdk.model.pipeline import TestValidationSpec
from stomper_sdk.validation import NoTests, TestSuite, TestVerdict
from stomper_sdk.validation.kept import KeptRuns
from stomper_sdk.validation.run import SuiteRun

if TYPE_CHECKING:
    from tests.conftest import Checkout

Make = Callable[[Mapping[str, str]], Any]
FILES = {
    "a.py": "def one():\n    return 1\n",
    "test_a.py": "import a\n\ndef test_one():\n    assert a.one() == 1\n",
    "test_old.py": "import a, os\ndef test_old():\n    assert False, 'old trouble: hunter2-hunter2'\n"
    "def test_fine():\n    pass\n",
}
GOOD_FIX = {"a.py": "def one() -> int:\n    return 1\n"}


def judged(project: Any, folder: Path, declared: object = None, secrets: tuple[str, ...] = ()) -> TestVerdict:
    """What a run of its own says of a good fix; whether it asked for the base is seen in `project.lent`."""

    async def validate() -> TestVerdict:
        suite = await TestSuite.find(TestValidationSpec(flaky_reruns=0), project.root)
        assert not isinstance(suite, NoTests)
        suite.remember(folder, project.commit, declared, secrets)
        tree = project.workspace(GOOD_FIX)
        return await suite.validate(tree, list(GOOD_FIX), mode="full", base=project)

    return trio.run(validate)


def asked(project: Any, folder: Path, **options: Any) -> int:
    """How often another run asks how the tests were before."""
    before = project.lent
    verdict = judged(project, folder, **options)
    assert (verdict.state, "1 failed before the fix, too" in verdict.summary) == ("passed", True)
    return int(project.lent - before)


@pytest.mark.usefixtures("environment")
def test_another_run_from_the_same_commit_knows_how_it_was(project: Make, tmp_path: Path) -> None:
    made, folder = project(FILES), tmp_path / "kept"
    assert asked(made, folder, secrets=("hunter2-hunter2",)) == 1
    (kept,) = folder.iterdir()
    assert "hunter2" not in kept.read_text() and "old trouble: ***" in kept.read_text()
    assert asked(made, folder) == 0


@pytest.mark.usefixtures("environment")
def test_where_something_differs_that_could_matter_it_is_found_out_again(
    project: Make, tmp_path: Path, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, folder = project(FILES), tmp_path / "kept"
    assert asked(made, folder) == 1
    assert asked(made, folder, declared=["another setup"]) == 1
    (environment / "thing-1.0.dist-info").mkdir()
    assert asked(made, folder) == 1
    monkeypatch.setenv("SHLVL", "77")
    assert asked(made, folder) == 0
    monkeypatch.setenv("DATABASE", "another")
    assert asked(made, folder) == 1


def damage(place: Path) -> None:
    place.write_text(place.read_text().replace("test_old.py::test_old", "test_a.py::test_one"))


def cut(place: Path) -> None:
    place.write_bytes(place.read_bytes()[:40])


def open_to_all(place: Path) -> None:
    place.chmod(0o666)


def lead_elsewhere(place: Path) -> None:
    place.rename(place.parent.parent / "moved")
    place.symlink_to(place.parent.parent / "moved")


def rename(place: Path) -> None:
    """The same run under another commit's name."""
    place.rename(place.with_name("1" * 40 + place.name[40:]))


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("spoil", [damage, cut, open_to_all, lead_elsewhere, rename, os.unlink])
def test_what_is_damaged_or_not_our_own_is_not_believed(
    project: Make, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    made, folder = project(FILES), tmp_path / "kept"
    judged(made, folder)
    (place,) = folder.iterdir()
    spoil(place)
    assert asked(made, folder) == 1


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    "old",
    [
        # Fails twice, with the fix and before it, and then no more.
        "def test_old():\n    open({count!r}, 'a').write('x')\n    assert len(open({count!r}).read()) > 2\n"
        "def test_fine():\n    pass\n",
        # Keeps pytest from starting.
        "import os\nos._exit(9)\n",
    ],
)
def test_what_is_flaky_or_says_nothing_is_not_kept(project: Make, tmp_path: Path, old: str) -> None:
    folder = tmp_path / "kept"
    files = {**FILES, "test_old.py": old.format(count=str(tmp_path / "count"))}
    made = project(files)
    judged(made, folder)
    assert not folder.exists()


def test_what_cannot_be_written_is_found_out_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = KeptRuns.of(tmp_path / "file", "setting", "c" * 40)
    kept.keep("c" * 40, frozenset(), SuiteRun(passed=frozenset({"a"})))
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to("out")
    KeptRuns.of(tmp_path / "link", "setting", "c" * 40).keep("c" * 40, frozenset(), SuiteRun())
    assert list((tmp_path / "out").iterdir()) == []


PIPELINE: dict[str, Any] = {
    "extends": "default",
    "apply": {"target": "branch"},
    "guard": {"forbid": []},
    "test_validation": {"mode": "full", "flaky_reruns": 0},
}


def count(place: Path) -> int:
    runs = len(place.read_text()) if place.exists() else 0
    place.unlink(missing_ok=True)
    return runs


@pytest.mark.parametrize("tracked", [False, True])
def test_a_second_run_on_a_repository_runs_fewer_tests(
    make_checkout: Callable[..., Checkout], tmp_path: Path, tracked: bool
) -> None:
    place = tmp_path / "count"
    old = f"def test_old():\n    open({str(place)!r}, 'a').write('x')\n    assert False\n"
    fine = "\n\ndef test_fine():\n    pass\n"
    repo = make_checkout({"a.py": "import os\n", "test_old.py": old + fine})
    first = stomper_sdk.run(PIPELINE, repo=repo.root)
    assert first.successful_fixes == ["a.py"]
    # Once with the fix, once before it, and once more to see that it fails steadily.
    assert count(place) == 3
    if tracked:
        repo.git("add", "--force", ".stomper/.gitignore")
        repo.git("commit", "--quiet", "--message", "ours now")
        assert stomper_sdk.run(PIPELINE, repo=repo.root).successful_fixes == ["a.py"]
        count(place)
    assert stomper_sdk.run(PIPELINE, repo=repo.root).successful_fixes == ["a.py"]
    assert count(place) == (2 if tracked else 1)
