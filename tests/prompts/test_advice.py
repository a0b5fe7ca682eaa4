"""Advice on single codes: every example is what it says it is, told by the check itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from mypy import errorcodes

from stomper_sdk.guard import Edit, Side, refused
from stomper_sdk.guard.rules import RULES
from stomper_sdk.process import find_program
from stomper_sdk.prompts import advice as folder
from stomper_sdk.prompts.advice import Advice, advice

FILES = sorted(Path(folder.__file__).parent.glob("*/*.md"))
RUFF_DEFAULT = ("E4", "E7", "E9", "F")
#: What gives the same before and after, by the file of the example.
SAME = {
    "mypy/assignment": "joined(['a', 'b']), joined(['a', 'b'], '-')",
    "mypy/call-overload": "number({'a': '1', 'b': 2}, 'a')",
    "mypy/has-type": "(pager := Pager()).start(), pager.forward(), pager.page",
    "mypy/import-not-found": "dumped([1])",
    "mypy/index": "version('at 3.11')",
    "mypy/method-assign": "shouting.render('a')",
    "mypy/no-any-return": """name('{"name": "a"}')""",
    "mypy/no-redef": "parts('a,b c', True), parts('a,b c', False)",
    "mypy/no-untyped-call": "area(2.0)",
    "mypy/no-untyped-def": "list(joined('ab')), list(joined('ab', '-'))",
    "mypy/operator": "remaining(3, 1)",
    "mypy/override": "Money(1) == Money(1), Money(1) == Money(2)",
    "mypy/type-arg": "lengths(['a', 'bc'])",
    "mypy/union-attr": "year('2001')",
    "mypy/unused-ignore": "size('ab')",
    "mypy/var-annotated": "index(['a', 'b', 'a'])",
    "ruff/A001": "longest([]), longest(['a', 'bc'])",
    "ruff/A002": "FOUND",
    "ruff/ARG002": "Store().load('a')",
    "ruff/B006": "collect('a', []), collect('a', ['b'])",
    "ruff/B007": "total({'a': 1.5, 'b': 2})",
    "ruff/B905": "row(['a', 'b'], ['1', '2'])",
    "ruff/BLE001": "port({}), port({'port': ''}), port({'port': '1'})",
    "ruff/E402": "load()",
    "ruff/E711": "label(None), label(0), label(1)",
    "ruff/E712": "[state(active, paid) for active in (True, False) for paid in (True, False, None)]",
    "ruff/E721": "[shown(value) for value in (1000, True, [1, [2]], 'a', None)]",
    "ruff/E722": "port({}), port({'port': ''}), port({'port': '1'})",
    "ruff/E731": "scale(2), scale(2, 3.0)",
    "ruff/E741": "total(['a', '', 'bc'])",
    "ruff/F401": "Point(1, 2)",
    "ruff/F601": "list(COLORS.items())",
    "ruff/F403": "stem('a/b.py')",
    "ruff/F405": "digits(9), digits(10)",
    "ruff/FBT002": "LINE",
    "ruff/N802": "readLines('a')",
    "ruff/N803": "HEAD",
    "ruff/N806": "mean([1, 2])",
    "ruff/PLC0415": "parse('[1]')",
    "ruff/PLR2004": "grade(50, 200), grade(49, 200), grade(50, 404)",
    "ruff/PLW2901": "words([' A', '', 'b '])",
    "ruff/PTH118": "settings('a', 'b'), settings('/a', '/b')",
    "ruff/PTH123": "load(name)",
    "ruff/RET503": "find(['ab'], 'a'), find(['ab'], 'b')",
    "ruff/RET504": "total([1, 2], 0.5)",
    "ruff/RET505": "size(0, 2), size(1, 2), size(2, 2)",
    "ruff/RUF005": "command('a', ['b'], ['c'])",
    "ruff/RUF012": "Report().head()",
    "ruff/RUF013": "wait(), wait(2.0)",
    "ruff/RUF059": "scheme('a://b'), scheme('b')",
    "ruff/RUF001": "span(1, 2)",
    "ruff/S101": "share(1, 2)",
    "ruff/SIM102": "[greet(user, q, f) for user in (None, ann) for q in (0, 1) for f in (0, 1)]",
    "ruff/SIM108": "limit(None), limit(0), limit(1)",
    "ruff/SIM115": "names(name)",
    "ruff/SLF001": "balance(Account())",
    "ruff/UP006": "group(['ab', 'cd'])",
    "ruff/UP007": "total([1, 2.5])",
    "ruff/UP008": "(logged := Logged()).__setitem__('a', 1), dict(logged), logged.last",
    "ruff/UP031": "line('ab', 12.34, 7), line('a' * 12, 1, 1234)",
    "ruff/UP032": "line('ab', 1234)",
    "ruff/UP035": "pairs('ab')",
    "ruff/UP045": "first([]), first(['a'])",
}


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


def test_flake8_tells_bad_from_good_by_the_same_codes(tmp_path: Path) -> None:
    written(tmp_path, "ruff")
    ask = [
        sys.executable,
        "-m",
        "flake8",
        "--isolated",
        "--select=E4,E7,F",
        "--format=%(path)s %(code)s",
        ".",
    ]
    done = subprocess.run(ask, cwd=tmp_path, check=False, capture_output=True, text=True)
    lines = [line.removeprefix("./").split() for line in done.stdout.splitlines()]
    shared = [one for one in known("ruff") if re.match(r"(E4|E7|F)\d", one.code)]
    assert_told(shared, {(file, code) for file, code in lines})
    assert [advice("flake8", one.code) for one in shared] == shared


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_file_is_short_and_plain(file: Path) -> None:
    content = file.read_text()
    assert len(content) <= 1200
    assert len(content.splitlines()) <= 32
    one = advice(file.parent.name, file.stem)
    assert one is not None
    assert "\n\n" not in one.text
    assert max(map(len, content.splitlines())) <= 110
    assert one.bad != one.good
    for source in (one.bad, one.good):
        compile(source, file.name, "exec")


@pytest.mark.parametrize("name", SAME)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_mended_does_what_it_did(name: str, tmp_path: Path) -> None:
    one = advice(*name.split("/"))
    assert one is not None
    (file := tmp_path / "file.txt").write_text("a\nb\n")
    given = {"name": str(file), "ann": SimpleNamespace(name="Ann")}
    results = []
    for source in (one.bad, one.good):
        names: dict[str, object] = {"__name__": name}
        exec(source, names)
        results.append(repr(eval(SAME[name], {**given, **names})))
    assert results[0] == results[1]


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_no_guard_refuses_what_is_advised(file: Path) -> None:
    one = advice(file.parent.name, file.stem)
    assert one is not None
    path = "tests/test_a.py" if "def test_" in one.bad else "a.py"
    edit = Edit(path, Side("100644", one.bad), Side("100644", one.good))
    assert refused([edit], RULES) == ()


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
