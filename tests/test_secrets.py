"""No value that is secret is printed, kept, or given to whoever did not ask for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stomper_sdk.process import clean_environment
from stomper_sdk.secrets import is_secret, secret_values

if TYPE_CHECKING:
    from tests.conftest import Checkout

TOKEN, OTHER = "s3cr3t-token-0815", "an0ther-secret-4711"
# Prints its whole environment, as a careless agent does, and fixes the file.
AGENT = """
import os, sys
print(dict(os.environ))
open(sys.argv[2], "a").write(repr({name: os.environ.get(name) for name in ("API_TOKEN", "OTHER")}) + "\\n")
text = open(sys.argv[1]).read()
open(sys.argv[1], "w").write(text.replace("BAD", "good"))
"""
PIPELINE = """
extends: default
checks:
  ruff: {{use: regex, command: [grep, -rn, BAD, "{{files}}"], files: ["*.txt"],
         pattern: '^(?P<path>[^:]+):(?P<line>\\d+):(?P<message>.*(?P<code>BAD).*)$'}}
agents:
  builtin: {{use: command, run: [{python}, {agent}, "{{file}}", {seen}], env: {env}}}
test_validation: {{mode: none}}
"""


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("OPENAI_API_KEY", "x", True),
        ("GITHUB_TOKEN", "x", True),
        ("db-password", "x", True),
        ("AWS_SECRET_ACCESS_KEY", "x", True),
        ("DATABASE_URL", "postgres://me:hunter2@host/db", True),
        ("PGPASSWORD", "x", True),
        ("NPM_CONFIG__AUTHTOKEN", "x", True),
        ("SSH_KEY_PATH", "/home/x", False),
        ("KEYBOARD", "de", False),
        ("MONKEY_BUSINESS", "x", False),
        ("SSH_AUTH_SOCK", "/run/x", False),
        ("HOMEPAGE", "https://example.org/a:b@c", False),
    ],
)
def test_a_secret_is_told_by_its_name_or_the_password_in_it(name: str, value: str, secret: bool) -> None:
    assert is_secret(name, value) is secret


def test_what_is_short_stands_in_too_many_texts_to_be_hidden() -> None:
    assert secret_values({"A_KEY": "default", "B_KEY": "12345678", "C": "visible-value"}) == {"12345678"}


def test_children_are_given_what_they_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", TOKEN)
    assert "API_TOKEN" not in clean_environment()
    assert clean_environment({"API_TOKEN": None})["API_TOKEN"] == TOKEN
    assert "MISSING_TOKEN" not in clean_environment({"MISSING_TOKEN": None})


def left(folder: Path) -> Iterator[bytes]:
    """All that a run leaves: files of every kind, and git's objects as they are when unpacked."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path.read_bytes()
    objects = ["git", "cat-file", "--batch-all-objects", "--batch"]
    yield subprocess.run(objects, cwd=folder / "repo", capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("env", "given"),
    [
        ("[API_TOKEN]", {"API_TOKEN": TOKEN, "OTHER": None}),
        ('{OTHER: "${OTHER_VALUE}"}', {"API_TOKEN": None, "OTHER": OTHER}),
        ("{}", {"API_TOKEN": None, "OTHER": None}),
    ],
)
def test_nothing_that_a_run_leaves_tells_a_secret(
    env: str, given: dict[str, str | None], tmp_path: Path, make_checkout: Callable[..., Checkout]
) -> None:
    repo, agent, seen = (
        make_checkout({"a.txt": "BAD\n", "b.txt": f"BAD {TOKEN[:4]}\n"}),
        tmp_path / "agent.py",
        tmp_path / "seen",
    )
    agent.write_text(AGENT)
    text = PIPELINE.format(python=sys.executable, agent=agent, seen=seen, env=env)
    (tmp_path / "p.yaml").write_text(text)
    command = [sys.executable, "-m", "stomper_sdk", "run", str(tmp_path / "p.yaml"), "-v", "--output", "json"]
    files = ["--log-file", "log", "--sarif", "sarif", "--junit", "junit"]
    variables = {**os.environ, "API_TOKEN": TOKEN}
    if "OTHER_VALUE" in env:  # named in the pipeline, so secret, whatever its name
        variables["OTHER_VALUE"] = OTHER
    done = subprocess.run(
        [*command, "--repo", str(repo.root), *files],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert seen.read_text().splitlines() == [repr(given)] * 2
    seen.unlink()
    for content in (done.stdout, done.stderr, *left(tmp_path)):
        assert TOKEN.encode() not in content
        assert OTHER.encode() not in content
    (journal,) = repo.root.glob(".stomper/sessions/*/journal")
    assert ("***" in journal.read_text()) is (env != "{}")


def test_a_tool_that_prints_a_secret_is_not_quoted(
    tmp_path: Path, make_checkout: Callable[..., Checkout]
) -> None:
    repo = make_checkout({"a.txt": f"BAD {TOKEN}\n"})
    text = PIPELINE.format(python="'true'", agent="x", seen="x", env="{}")
    (tmp_path / "p.yaml").write_text(text)
    command = [sys.executable, "-m", "stomper_sdk", "plan", str(tmp_path / "p.yaml"), "--output", "json"]
    done = subprocess.run(
        [*command, "--repo", str(repo.root)],
        env={**os.environ, "API_TOKEN": TOKEN},
        capture_output=True,
        check=False,
    )
    assert b"BAD ***" in done.stdout
    assert TOKEN.encode() not in done.stdout + done.stderr


def test_a_bug_of_ours_tells_no_secret(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom stomper_sdk import api, cli\n"
        f"def fail(*_, **__): raise LookupError('{TOKEN} was looked up')\n"
        "api.run = fail\nsys.exit(cli.main(['run']))\n"
    )
    variables = {**os.environ, "API_TOKEN": TOKEN, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=variables, capture_output=True, check=False
    )
    assert done.returncode == 3
    (log,) = tmp_path.glob("stomper-bug-*.log")
    assert "was looked up" in log.read_text()
    assert TOKEN not in log.read_text() + done.stderr.decode()
