"""Every example of the README and of docs/ works as it stands.

A page is one story in one repository; in the reference, each section has its own.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

import attrs
import pytest
import yaml

import stomper_sdk
from stomper_sdk.testing import make_repository

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^(#+) ([^\n]+)$|^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"(?:#|//|\{#) ([\w./-]*\.\w+)(?: #\})?\n")
INCLUDED = re.compile(r'--8<-- "(.+)"\n')
#: What an installation line begins with: it fetches packages, hence is shown and not run.
INSTALLS = ("npm install", "npm init", "pip install", "uv ")
FILES = {
    "pricing.py": "import os\n\n\ndef total(prices):\n    return sum(prices)\n",
    "report.py": "import sys\n\n\n# TODO: a header\ndef line(name, price):\n    return f'{name}: {price}'\n",
    "tests/test_pricing.py": "from pricing import total\n\n\ndef test_it():\n    assert total([1, 2]) == 3\n",
    ".gitignore": "__pycache__/\n",
}


@attrs.frozen
class Example:
    """A fenced block; `file` is the name in the comment on its first line, which it is saved under."""

    page: str
    section: str
    language: str
    text: str
    file: str


@attrs.frozen
class Place:
    """Where the examples of a section run; `memory` keeps the current folder, as a shell does."""

    repo: Path
    site: Path
    memory: Path
    environment: Mapping[str, str]

    @property
    def here(self) -> Path:
        return Path(self.memory.read_text().strip()) if self.memory.exists() else self.repo

    def shell(self, line: str) -> str:
        return self.run("sh", "-c", f"{line}\ncode=$?; pwd > {shlex.quote(str(self.memory))}; exit $code")

    def run(self, *argv: str) -> str:
        done = subprocess.run(
            argv, cwd=self.here, env=self.environment, capture_output=True, text=True, timeout=100
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{shlex.join(argv)} exited with {done.returncode}:\n{said}"
        return said


def examples(page: Path) -> Iterator[Example]:
    name = page.relative_to(ROOT).as_posix()
    section = name
    for match in FENCE.finditer(page.read_text()):
        if match[2]:
            section = (
                f"{name}: {match[2]}"
                if len(match[1]) == 2 and name.startswith("docs/reference/")
                else section
            )
        else:
            named = INCLUDED.match(match[4]) or NAMED.match(match[4])
            yield Example(name, section, match[3], included(match[4]), named[1] if named else "")


def included(text: str) -> str:
    return INCLUDED.sub(lambda match: (ROOT / match[1]).read_text(), text)


EXAMPLES = [example for page in PAGES for example in examples(page)]
SECTIONS = [
    pytest.param(list(group), id=name, marks=[pytest.mark.slow] if "/how-to/" in name else [])
    for name, group in groupby(EXAMPLES, lambda one: one.section)
]


@pytest.fixture
def place(tmp_path: Path, section: list[Example]) -> Place:
    program = tmp_path / "bin" / "stomper-sdk"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m stomper_sdk "$@"\n')
    program.chmod(0o755)
    repo, site = tmp_path / "repo", tmp_path / "site"
    if section[0].page == "docs/tutorial.md":  # it makes a repository of its own
        repo.mkdir()
    else:
        make_repository(repo, FILES)
    path = [str(program.parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join(path),
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, site))),
        "PYTHONWARNINGS": "error",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return Place(repo, site, tmp_path / "here", environment)


def run_python(example: Example, place: Place) -> None:
    if not example.file:
        place.run(sys.executable, "-c", example.text)
    elif example.file.startswith("test_"):
        place.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", example.file)


def validate_yaml(example: Example, place: Place) -> None:
    """As it stands, or on top of `default` where it is a part of a pipeline."""
    if example.file.startswith("pipelines/"):  # with plug-ins that stand beside it, hence in a new process
        place.run("stomper-sdk", "validate", example.file)
    elif not example.file:
        whole = yaml.safe_load(example.text).keys() & {"extends", "stages"}
        text = example.text if whole else f"{example.text}\nextends: default\n"
        with pytest.MonkeyPatch.context() as patch:
            for name in re.findall(r"\$\{(\w+)\}", text):
                patch.setenv(name, "value")
            stomper_sdk.validate(text, repo=place.here)


def run_console(example: Example, place: Place) -> None:
    """Commands, each with the lines that it prints, among others; `…` stands for any text."""
    commands = re.split(r"^\$ ", example.text, flags=re.MULTILINE)
    assert commands.pop(0) == ""
    for command in commands:
        line, *printed = command.splitlines()
        said = place.shell(line)
        for wanted in printed:
            pattern = ".*".join(map(re.escape, wanted.split("…")))
            assert re.search(f"^{pattern}$", said, re.MULTILINE), f"{line} does not print {wanted!r}:\n{said}"


def install(example: Example, place: Place) -> None:
    """Make the entry points of a project known, as its installation does."""
    project = tomllib.loads(example.text).get("project")
    if project is None:
        return
    info = place.site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1\n")
    groups = (
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in points.items())])
        for group, points in project["entry-points"].items()
    )
    (info / "entry_points.txt").write_text("\n".join(groups))


def only_saved(example: Example, place: Place) -> None:
    assert example.file, "a block that nothing runs is a file with a name"


def only_shown(example: Example, place: Place) -> None:
    assert all(line.startswith(INSTALLS) for line in example.text.splitlines())


RUN: dict[str, Callable[[Example, Place], None]] = {
    "python": run_python,
    "yaml": validate_yaml,
    "console": run_console,
    "toml": install,
    "text": only_saved,
    "js": only_saved,
    "ts": only_saved,
    "sh": only_shown,
}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_examples_of_a_section_work(section: list[Example], place: Place) -> None:
    for example in section:
        if example.file:
            (place.here / example.file).parent.mkdir(parents=True, exist_ok=True)
            (place.here / example.file).write_text(example.text)
        if not is_setup(example):
            RUN[example.language](example, place)


def is_setup(example: Example) -> bool:
    return example.text.startswith("$ python3 -m venv ")


def test_the_lines_that_set_up_name_what_there_is() -> None:
    """They install packages, hence are not run here: one line each, of a folder and an extra that exist."""
    lines = [example.text for example in EXAMPLES if is_setup(example)]
    assert [text.count("\n") for text in lines] == [1] * len(lines)
    assert len(lines) >= 3
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for text in lines:
        words = shlex.split(text.removeprefix("$ "))
        venv = words[words.index("venv") + 1]
        assert {word.split("/")[0] for word in words if "/bin/" in word} == {venv}
        target = words[words.index("&&", words.index("install")) - 1]
        folder, _, extra = target.rstrip("]").partition("[")
        assert (ROOT / folder / "pyproject.toml").is_file()
        assert not extra or extra in extras
