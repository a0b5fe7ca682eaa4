"""What an experiment cannot be made of is told in words, before anything is done."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stomper_sdk
from stomper_sdk.errors import RepositoryError, StomperError, UsageError
from stomper_sdk.journal.experiments import find_experiment
from stomper_sdk.journal.log import JOURNAL
from stomper_sdk.laboratory import variants
from stomper_sdk.laboratory.reading import experiments
from tests.laboratory.conftest import PIPELINE, drops

TWO: dict[str, dict[str, Any]] = {"a": {}, "b": {}}


@pytest.mark.parametrize("module", ["numpy", "scipy.stats", "statsmodels.stats.multitest"])
def test_without_its_libraries_nothing_is_tried(
    user: Any, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match="which is not installed") as caught:
        stomper_sdk.experiment(PIPELINE, variants=TWO, repo=user.root)
    assert caught.value.hint == "Install it: pip install 'stomper_sdk[experiments]'"
    assert not (user.root / ".stomper" / "experiments").exists()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"variants": ["a", "b"]}, "variants is \\['a', 'b'\\]: it must be a mapping"),
        ({"variants": {"a": {}, "b": 3}}, "variants: b is 3: it must be a mapping"),
        ({"matrix": ["a"]}, "matrix is \\['a'\\]: it must be a mapping"),
        ({"matrix": {"retry.max_attempts": 3}}, "matrix: retry.max_attempts is 3: it must be a list"),
        ({"matrix": {"prompt.strategy": "adaptive"}}, "it must be a list of the values to try"),
        ({"variants": TWO, "overrides": [1]}, "overrides is \\[1\\]: it must be a mapping"),
        ({"variants": TWO, "repeats": "3"}, "repeats is '3': it must be a whole number"),
        ({"variants": TWO, "repeats": 1.5}, "repeats is 1.5: it must be a whole number"),
        ({"variants": TWO, "repeats": True}, "repeats is True: it must be a whole number"),
        ({"variants": TWO, "name": 3}, "name is 3: it must be text"),
        ({"variants": TWO, "against": 3}, "against is 3: it must be text"),
        ({"variants": {1: {}, 2: {}}}, "a key of variants is 1: it must be text"),
        ({"variants": {"a": {}, "b": {1: 2}}}, "a key of variants: b is 1: it must be text"),
        ({"matrix": {1: [1, 2]}}, "a key of matrix is 1: it must be text"),
        ({"variants": TWO, "overrides": {1: 2}}, "a key of overrides is 1: it must be text"),
        ({"variants": TWO, "seed": -1}, "seed is -1: it must be 0 or more"),
        ({"variants": TWO, "max_variants": 1}, "max_variants is 1: it must be 2 or more"),
        ({"variants": TWO, "stop": "soon"}, "stop is 'soon': there are never and sequential"),
    ],
)
def test_a_call_with_what_it_does_not_take_is_refused(user: Any, asked: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        stomper_sdk.experiment(PIPELINE, repo=user.root, **asked)


def test_numbers_of_numpy_are_numbers(user: Any) -> None:
    import numpy

    matrix = {"retry.max_attempts": numpy.array([1, 2])}
    found = stomper_sdk.experiment(
        PIPELINE,
        matrix=matrix,
        repeats=numpy.int64(1),
        seed=numpy.int64(7),
        sample=numpy.int32(2),
        repo=user.root,
    )
    assert [it.name for it in found.variants] == ["max_attempts=1", "max_attempts=2"]
    assert (found.repeats, found.seed, found.finding_count) == (1, 7, 2)
    assert stomper_sdk.Experiment.load("last", user.root).seed == 7


def test_too_many_combinations_are_refused_before_any_is_loaded(
    user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(variants, "_loaded", lambda name, *_: loaded.append(name))
    matrix = {f"retry.x{n}": list(range(10)) for n in range(4)}
    with pytest.raises(UsageError, match="10,000 variants are more than max_variants, which is 64") as told:
        stomper_sdk.experiment(PIPELINE, matrix=matrix, repo=user.root)
    assert "max_variants: 10000" in told.value.hint
    assert loaded == []


def test_no_repository_no_commit_and_nothing_to_fix_are_told(
    tmp_path: Path, new_checkout: Callable[..., Any]
) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(RepositoryError, match="is not in a git repository"):
        stomper_sdk.experiment(PIPELINE, variants=TWO, repo=tmp_path / "plain")
    (tmp_path / "empty").mkdir()
    subprocess.run(["git", "init", "-q", tmp_path / "empty"], check=True)
    for key in ("user.name", "user.email"):
        subprocess.run(["git", "-C", tmp_path / "empty", "config", key, "a@b"], check=True)
    with pytest.raises(RepositoryError, match="has no commit yet"):
        stomper_sdk.experiment(PIPELINE, variants=TWO, repo=tmp_path / "empty")
    clean = new_checkout(tmp_path / "clean", {"a.py": "X = 1\n"})
    with pytest.raises(UsageError, match="there is nothing to fix, hence nothing to compare"):
        stomper_sdk.experiment(PIPELINE, variants=TWO, repo=clean.root)
    assert clean.leftovers() == []


def test_what_is_not_committed_takes_no_part_and_that_is_said(user: Any) -> None:
    user.write({"f00.py": "import sys\nimport os\nimport re\n", "new.py": "import os\n"})
    before = user.status
    found = stomper_sdk.experiment(PIPELINE, variants=TWO, repo=user.root)
    assert found.notices == ("what is not committed takes no part: f00.py",)
    assert (found.available, found.table("a").total.fixed) == (16, 16)
    assert (user.status, user.read("f00.py")) == (before, "import sys\nimport os\nimport re\n")


def test_one_that_is_at_work_is_listed_and_not_told(user: Any) -> None:
    said: list[str] = []

    def asks(task: stomper_sdk.AgentTask) -> None:
        said.extend(it.status for it in experiments(user.root))
        with pytest.raises(StomperError) as told:
            stomper_sdk.Experiment.load("last", user.root)
        said.append(str(told.value))
        drops()(task)

    variants = {"a": {}, "b": {"agents.main": asks}}
    found = stomper_sdk.experiment(PIPELINE, variants=variants, repo=user.root, sample=1)
    told = f"{found.id} is still at work\nWhat it has found is there when it has ended."
    assert said == ["running", told]


def test_one_of_a_newer_version_is_told_as_that(user: Any) -> None:
    found = stomper_sdk.experiment(PIPELINE, variants=TWO, repo=user.root)
    journal = find_experiment(user.root).folder / JOURNAL
    text = json.dumps(["Foreseen", {"future": 1}]).encode()
    with journal.open("ab") as file:
        file.write(b"\n%08x %b\n" % (zlib.crc32(text), text))
    told = f"the journal of {found.id} cannot be read: it holds 'Foreseen', which only a newer version"
    with pytest.raises(StomperError, match=told):
        stomper_sdk.Experiment.load(found.id, user.root)
    (listed,) = experiments(user.root)
    assert (listed.id, listed.status) == (found.id, "broken")
    assert "only a newer version" in listed.problem


def test_a_key_of_a_newer_version_is_passed_over(user: Any) -> None:
    found = stomper_sdk.experiment(PIPELINE, variants=TWO, repo=user.root)
    journal = find_experiment(user.root).folder / JOURNAL
    lines = []
    for line in journal.read_bytes().splitlines():
        kind, fields = json.loads(line.partition(b" ")[2] or "[0, {}]")
        text = json.dumps([kind, {**fields, "of_tomorrow": 1}]).encode()
        lines.append(b"%08x %b" % (zlib.crc32(text), text) if kind else b"")
    journal.write_bytes(b"\n".join([*lines, b""]))
    again = stomper_sdk.Experiment.load(found.id, user.root)
    assert again.to_dict() == {**found.to_dict(), "repo": again.repo}
