"""Advice on single codes: every example is what it says it is, told by the check itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mypy import errorcodes

from stomper_sdk.process import find_program
from stomper_sdk.prompts import advice as folder
from stomper_sdk.prompts.advice import Advice, advice

FILES = sorted(Path(folder.__file__).parent.glob("*/*.md"))
RUFF_DEFAULT = ("E4", "E7", "E9", "F")


def known(check: str) -> list[Advice]:
    found = [advice(check, file.stem) for file in FILES if file.parent.name == check]
    return [one for one in found if one is not None]


def written(root: Path, check: str) -> list[Advice]:
    """All examples of a check as files: `<code>_bad.py`, `<code>_good.py`."""
    for one in known(check):
        for name, source in (("bad", one.bad), ("good", one.good)):
            (root / f"{stem(one)}_{name}.py").write_text(source)
    return known(check)


def stem(one: Advice) -> str:
    return one.code.replace("-", "_").lower()


def assert_told(advices: list[Advice], reported: set[tuple[str, str]]) -> None:
    """Each bad example has its code, and each good one nothing at all."""
    silent = [one.code for one in advices if (f"{stem(one)}_bad.py", one.code) not in reported]
    assert silent == [], "bad examples without their finding"
    assert sorted(found for found in reported if found[0].endswith("_good.py")) == []


def test_ruff_tells_bad_from_good(tmp_path: Path) -> None:
    advices = written(tmp_path, "ruff")
    select = ",".join([*RUFF_DEFAULT, *(one.code for one in advices)])
    program = find_program("ruff") or "ruff"
    options = ["--isolated", "--no-cache", "--target-version=py311", f"--select={select}"]
    ask = [program, "check", *options, "--output-format=json", "--exit-zero", "."]
    done = subprocess.run(ask, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert_told(advices, {(Path(entry["filename"]).name, entry["code"]) for entry in json.loads(done.stdout)})


def test_mypy_tells_bad_from_good(tmp_path: Path) -> None:
    advices = written(tmp_path, "mypy")
    options = ["--strict", "--config-file=", "--cache-dir=/dev/null", "--output=json"]
    ask = [sys.executable, "-m", "mypy", *options, "."]
    done = subprocess.run(ask, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    assert_told(
        advices, {(entry["file"], entry["code"]) for entry in entries if entry["severity"] == "error"}
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_file_is_short_and_plain(file: Path) -> None:
    content = file.read_text()
    assert len(content) <= 1200
    assert len(content.splitlines()) <= 30
    one = advice(file.parent.name, file.stem)
    assert one is not None
    assert "\n\n" not in one.text
    assert max(map(len, content.splitlines())) <= 110
    assert one.bad != one.good
    for source in (one.bad, one.good):
        compile(source, file.name, "exec")


def explained_by_ruff() -> Iterator[str]:
    ask = [find_program("ruff") or "ruff", "rule", "--all", "--output-format=json"]
    for rule in json.loads(subprocess.run(ask, check=True, capture_output=True).stdout):
        if not rule.get("preview"):
            yield rule["code"]


def test_every_code_is_one_of_its_check() -> None:
    assert {one.code for one in known("ruff")} <= set(explained_by_ruff())
    assert {one.code for one in known("mypy")} <= set(errorcodes.error_codes)
    assert {file.parent.name for file in FILES} == {"ruff", "mypy"}


@pytest.mark.parametrize(
    ("check", "code"),
    [("ruff", "ZZZ999"), ("nothing", "F401"), ("ruff", "../mypy/arg-type"), ("ruff", "f401")],
)
def test_where_there_is_no_advice_there_is_none(check: str, code: str) -> None:
    assert advice(check, code) is None
