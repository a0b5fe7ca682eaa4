"""Machines that do not help: no room, no permission, a terminal that goes away, a second run at work."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

Make = Callable[..., Any]
Command = Callable[..., Any]
Mounts = Callable[[str], list[str]]
UNUSED = "import os\n\nONE = 1\n"
FIXED = "\nONE = 1\n"
SELF = [sys.executable, "-m", "stomper_sdk"]
CURE = 'file.write_text(file.read_text().replace("import os\\n", ""))\n'


# A full disk


def full(place: Path, left: int, *, size: str = "4m") -> str:
    """A script that makes a folder a small disk with what is in it, and leaves so many kilobytes of it."""
    return f"""
cp -a '{place}' '{place}.copy'; mount -t tmpfs -o size={size} none '{place}'
cp -a '{place}.copy/.' '{place}/'; rm -rf '{place}.copy'; free=$(df -Pk '{place}' | awk 'END {{print $4}}')
dd if=/dev/zero of='{place}/filler' bs=1024 count=$((free - {left})) status=none; cd .
trap 'rm -f "{place}/filler"' EXIT
"""


#: What the disk holds afterwards is seen from where it is mounted only.
LOOK = """
"$@"; code=$?
rm -f filler; git fsck --no-dangling; git status --porcelain --untracked-files=all; git log --format=%s
wc -c < a.py; find .git -name '*.lock' -o -name '*.draft' -o -path '*/worktrees/*'
ls -A .stomper/sessions/* 2> /dev/null; exit $code
"""


def on_a_full_disk(user: Any, left: int, mounts: Mounts) -> list[str]:
    return [*mounts(full(user.root, left)), "sh", "-c", f"cd '{user.root}'\n{LOOK}", "sh"]


def test_where_there_is_no_room_for_a_fix_the_run_ends_and_says_so(
    make_checkout: Make, start: Command, mounts: Mounts
) -> None:
    user = make_checkout(dict.fromkeys(("a.py", "b.py", "c.py"), UNUSED))
    seen = start("run", "--max-parallel-files", "1", before=on_a_full_disk(user, 24, mounts))
    assert seen.code == 3
    assert seen.tells("Make room and run again")
    assert seen.out.splitlines()[:2] == ["start", str(len(UNUSED))]


def test_a_disk_that_is_full_at_the_commit_leaves_branch_and_files_as_they_were(
    make_checkout: Make, start: Command, mounts: Mounts, edited_by: Callable[..., Path]
) -> None:
    user = make_checkout({"a.py": UNUSED})
    grow = f"{CURE}file.write_text(file.read_text() + f\"# {{'x' * 90}}\\n\" * 4000)"
    path = edited_by(grow, sections="guard: {max_changed_lines: 100000}\n")
    seen = start("run", path, before=on_a_full_disk(user, 200, mounts))
    assert seen.code == 3
    assert seen.tells("could not be written into", "which is as it was", "unable to write file a.py")
    after = seen.out.splitlines()
    assert after[:2] == ["start", str(len(UNUSED))]
    assert not [line for line in after if ".lock" in line or ".draft" in line or "worktrees/" in line]


def test_where_the_result_cannot_be_kept_what_was_done_is_told(
    make_checkout: Make, start: Command, edited_by: Callable[..., Path]
) -> None:
    user = make_checkout({"a.py": UNUSED})
    sessions = user.root / ".stomper" / "sessions"
    path = edited_by(
        f'{CURE}[f.joinpath("result.json").mkdir() for f in Path(sys.argv[2]).iterdir()]', sessions
    )
    seen = start("run", path, "--repo", user.root)
    assert seen.tells("a.py 1 fixed", f"the result could not be kept in {sessions}", "Is a directory")
    assert (seen.code, user.subjects) == (0, ["start", "fix(ruff): F401 in a.py"])
    assert user.leftovers() == []


def test_a_full_folder_of_workspaces_is_no_bug(
    make_checkout: Make, start: Command, mounts: Mounts, tmp_path: Path
) -> None:
    user = make_checkout({"a.py": UNUSED, "data.txt": "x" * 200_000})
    (tmp_path / "small").mkdir()
    before = mounts(f"mount -t tmpfs -o size=64k none '{tmp_path}/small'")
    option = f"workspace.root={tmp_path}/small"
    seen = start("run", "--repo", user.root, "--set", option, before=before)
    assert seen.code == 3
    assert seen.tells("unable to write file data.txt", "Is there room on the disk")
    assert (user.read("a.py"), user.subjects, user.leftovers()) == (UNUSED, ["start"], [])


# No permission


def deny(folder: Path, mode: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(mode)
    return folder


DENIED = {
    "repository": (lambda root: root.chmod(0o500), (), ".stomper cannot be written: Permission denied"),
    "state": (lambda root: deny(root / ".stomper", 0o000), (), "Permission denied"),
    "sessions": (lambda root: deny(root / ".stomper" / "sessions", 0o500), (), "whether you may write there"),
    "git": (lambda root: (root / ".git").chmod(0o500), (), "Permission denied"),
    "branch": (lambda root: (root / ".git" / "refs" / "heads").chmod(0o500), (), "which is as it was"),
    "workspaces": (
        lambda root: deny(root.parent / "denied", 0o500),
        ("--set", "workspace.root={parent}/denied"),
        "Permission denied: ",
    ),
    "workspaces to be made": (
        lambda root: deny(root.parent / "denied", 0o500),
        ("--set", "workspace.root={parent}/denied/below"),
        "cannot be made: Permission denied",
    ),
}


@pytest.mark.parametrize("what", DENIED)
def test_what_nobody_may_write_is_said(
    make_checkout: Make, start: Command, unprivileged: list[str], what: str
) -> None:
    user = make_checkout({"a.py": UNUSED})
    harm, options, words = DENIED[what]
    harm(user.root)
    given = [option.format(parent=user.root.parent) for option in options]
    seen = start("run", "--repo", user.root, *given, before=unprivileged)
    cleaned = start("clean", "--repo", user.root, before=unprivileged)
    for folder in [user.root, user.root / ".stomper", user.root / ".git"]:
        if folder.exists():
            folder.chmod(0o700)
    assert (seen.code, seen.tells(words)) == (3, True)
    assert cleaned.tells()
    assert (user.read("a.py"), user.subjects, user.status, user.leftovers()) == (UNUSED, ["start"], "", [])


# Streams and terminals


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&- <&-"])
def test_closed_streams_do_not_hinder_a_run(make_checkout: Make, closed: str) -> None:
    user = make_checkout({"a.py": UNUSED})
    words = ["sh", "-c", f'"$@" {closed}', "sh", *SELF, "run", "--output", "json", "--repo", str(user.root)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert (done.returncode, user.read("a.py"), user.leftovers()) == (0, FIXED, [])


@pytest.mark.parametrize("command", ["plan --output json", "run --output json", "plan", "run"])
def test_a_reader_who_leaves_early_costs_nothing(make_checkout: Make, command: str) -> None:
    user = make_checkout({f"module{number}.py": UNUSED for number in range(4)})
    words = [*SELF, *command.split(), "--repo", str(user.root)]
    stream = "stdout" if "json" in command else "stderr"
    other = {"stdout": "stderr", "stderr": "stdout"}[stream]
    with subprocess.Popen(words, **{stream: subprocess.PIPE, other: subprocess.DEVNULL}) as run:  # type: ignore[call-overload]
        pipe = getattr(run, stream)
        assert len(pipe.read(5)) == 5
        pipe.close()
        assert run.wait(60) == 0
    assert (len(user.subjects), user.leftovers()) == (5 if "run" in command else 1, [])


def test_without_utf8_the_way_is_named_and_ascii_is_no_matter(make_checkout: Make, start: Command) -> None:
    bare = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    user = make_checkout({"a.py": 'import os\n\nS = "日本"\n'})
    assert (start("run", "--repo", user.root, **bare).code, user.read("a.py")) == (0, '\nS = "日本"\n')
    user.commit({"grüße.py": UNUSED})
    seen = start("run", "--repo", user.root, "--output", "json", **bare)
    assert (seen.code, seen.tells("file names that are not ASCII", "Set PYTHONUTF8=1"), seen.out) == (
        3,
        True,
        "",
    )
    told = start("run", "--repo", user.root, "--output", "json", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert [file["path"] for file in json.loads(told.out)["files"]] == ["grüße.py"]
    assert (told.code, user.read("grüße.py"), user.leftovers()) == (0, FIXED, [])


@pytest.mark.parametrize("columns", [40, 80])
def test_no_line_is_wider_than_the_terminal(
    make_checkout: Make, edited_by: Callable[..., Path], columns: int
) -> None:
    names = ("a.py", "a folder/with a name/grüße 日本.py", "b.py")
    user = make_checkout({**dict.fromkeys(names[:2], UNUSED), "b.py": "import os\nimport sys\n"})
    path = edited_by(f"import time\ntime.sleep(0.4)\n{CURE}")
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    words = [*SELF, "run", str(path), "--repo", "."]
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    for name in ("COLUMNS", "LINES"):
        environment.pop(name, None)
    with subprocess.Popen(words, stdin=side, stdout=side, stderr=side, env=environment, cwd=user.root) as run:
        os.close(side)
        said = _drained(main)
    shown = [line for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)) if line]
    assert any("call_agent" in line for line in shown)
    assert any("fixes are not tested" in line for line in shown)
    assert [line for line in shown if cell_len(line) > columns and "git log" not in line] == []
    assert run.returncode == 1


def test_a_terminal_that_closes_cancels_and_leaves_nothing(
    make_checkout: Make, edited_by: Callable[..., Path]
) -> None:
    user = make_checkout({"a.py": UNUSED})
    path = edited_by("import time\ntime.sleep(60)")
    main, side = pty.openpty()
    terminal = f'exec "$@" < {os.ttyname(side)} > {os.ttyname(side)} 2>&1'
    words = ["sh", "-c", terminal, "sh", *SELF, "run", str(path), "--repo", str(user.root)]
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(words, env=environment, start_new_session=True) as run:
        said = b""
        while b"call_agent" not in said:
            said += os.read(main, 65536)
        os.close(side)
        os.close(main)
        assert run.wait(30) == 130
    assert (user.read("a.py"), user.subjects, user.leftovers()) == (UNUSED, ["start"], [])


def _drained(descriptor: int) -> str:
    """All that is said on a terminal until nobody holds it any more."""
    parts = []
    try:
        while part := os.read(descriptor, 65536):
            parts.append(part)
    except OSError:  # how Linux says so
        pass
    os.close(descriptor)
    return b"".join(parts).decode()


# Runs side by side, and what a process is given


def test_a_second_run_beside_the_first_fixes_every_file_once(
    make_checkout: Make, start: Command, edited_by: Callable[..., Path], tmp_path: Path
) -> None:
    names = [f"module{number}.py" for number in range(4)]
    user = make_checkout(dict.fromkeys(names, UNUSED))
    there, go = tmp_path / "there", tmp_path / "go"
    wait = "Path(sys.argv[2]).touch()\nwhile not Path(sys.argv[3]).exists(): time.sleep(0.01)\n"
    path = edited_by(f"import time\n{wait}{CURE}", there, go)
    words = [*SELF, "run", str(path), "--repo", str(user.root), "--output", "json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as first:
        until = time.monotonic() + 60
        while not there.exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        second = start("run", "--repo", user.root)
        go.touch()
        out, err = first.communicate(timeout=60)
    assert (second.code, second.tells("4 fixed")) == (0, True)
    assert "Traceback" not in err
    assert {file["outcome"] for file in json.loads(out)["files"]} <= {"fixed", "skipped"}
    assert first.returncode == 0
    assert sorted(user.subjects[1:]) == [f"fix(ruff): F401 in {name}" for name in names]
    assert ([user.read(name) for name in names], user.status, user.leftovers()) == ([FIXED] * 4, "", [])


@pytest.mark.parametrize("value", [None, "/nonexistent/at/all"])
def test_home_and_the_folder_of_temporary_files_may_be_missing(
    make_checkout: Make, start: Command, value: str | None
) -> None:
    user = make_checkout({"a.py": UNUSED})
    seen = start("run", "--repo", user.root, HOME=value, TMPDIR=value)
    assert (seen.code, seen.tells("a.py 1 fixed"), user.leftovers()) == (0, True, [])


@pytest.mark.parametrize("limit", [16, 48])
def test_too_few_open_files_is_said_with_the_way_out(make_checkout: Make, start: Command, limit: int) -> None:
    user = make_checkout({f"module{number}.py": UNUSED for number in range(12)})
    before = ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh"]
    seen = start("run", "--repo", user.root, "--max-parallel-files", "12", before=before)
    assert seen.code in ({3} if limit == 16 else {0, 1, 3})
    assert seen.tells(*[] if seen.code == 0 else ["Too many open files"])
    commits = [subject for subject in user.subjects if subject.startswith("fix(ruff): F401 in ")]
    done = [name for name in user.git("ls-files").split() if user.read(name) == FIXED]
    assert len(commits) == len(done)
    assert (user.status, user.leftovers()) == ("", [])
