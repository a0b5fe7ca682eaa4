"""Files as they come, and files that change under a fix: each is fixed, or left as it is with the reason."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., Any]
Command = Callable[..., Any]
UNUSED = "import os\n\nONE = 1\n"
FIXED = "\nONE = 1\n"

CURE = 'file.write_text(file.read_text().replace("import os\\n", ""))\n'


# What is in them

UNREADABLE = {
    "latin.py": '# -*- coding: latin-1 -*-\nimport os\n\nS = "grüße"\n'.encode("latin-1"),
    "broken.py": b'import os\n\nS = "\xff\xfe"\n',
    "nul.py": b"import os\0\n",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_no_tool_can_read_stays_and_is_not_told_as_fixed(
    make_checkout: Make, command: Command, name: str
) -> None:
    user = make_checkout({"a.py": UNUSED, name: UNREADABLE[name]})
    seen = command("run", "--repo", user.root)
    assert seen.code == 1
    assert seen.tells("a.py 1 fixed", f"{name}: unfixed")
    assert (user.root / name).read_bytes() == UNREADABLE[name]
    assert (user.subjects, user.status, user.leftovers()) == (["start", "fix(ruff): F401 in a.py"], "", [])


def test_a_file_that_is_not_utf8_is_edited_byte_for_byte(
    make_checkout: Make, command: Command, edited_by: Callable[..., Path]
) -> None:
    text = 'S = "gr\xfc\xdfe"\nimport os\n'.encode("latin-1")
    path = edited_by('file.write_bytes(file.read_bytes().replace(b"import os\\n", b""))')
    script = "grep -rnaH --exclude-dir=.git '^import os' ./a.py || true"
    pattern = "(?P<path>[^:]+):(?P<line>[0-9]+):(?P<message>.*)"
    check = json.dumps({"use": "regex", "command": ["sh", "-c", script], "pattern": pattern})
    path.write_text(path.read_text().replace("{use: ruff, select: [F401]}", check))
    user = make_checkout({"a.py": text})
    seen = command("run", path, "--repo", user.root)
    assert seen.tells("a.py 1 fixed")
    assert (seen.code, (user.root / "a.py").read_bytes()) == (0, text.removesuffix(b"import os\n"))
    assert user.git("diff", "--numstat", "HEAD~1", "HEAD").split() == ["0", "1", "a.py"]


KEPT = {
    "mixed ends": (b"import os\r\nONE = 1\nTWO = 2\r\nTHREE = 3", b"ONE = 1\nTWO = 2\r\nTHREE = 3"),
    "carriage returns": (b"import os\rONE = 1\r", b"ONE = 1\r"),
    "nothing left": (b"import os\n", b""),
    "mark": (b"\xef\xbb\xbfimport os\r\nONE = 1", b"\xef\xbb\xbfONE = 1"),
    "form feed": (b"import os\n\x0c\nONE = 1\n", b"\x0c\nONE = 1\n"),
}


@pytest.mark.parametrize("what", KEPT)
def test_the_rest_of_a_file_stays_byte_for_byte(make_checkout: Make, command: Command, what: str) -> None:
    before, after = KEPT[what]
    user = make_checkout({"a.py": before, "empty.py": b""})
    seen = command("run", "--repo", user.root, "--code", "F401")
    assert seen.tells("a.py 1 fixed")
    assert (user.root / "a.py").read_bytes() == after
    assert (user.root / "empty.py").read_bytes() == b""
    assert (seen.code, user.status, user.leftovers()) == (0, "", [])


def test_ten_megabytes_are_fixed_in_seconds(make_checkout: Make, command: Command) -> None:
    rest = "".join(f'V{number} = "{"x" * 990}"\n' for number in range(10_000))
    user = make_checkout({"a.py": f"import os\n{rest}"})
    seen = command("run", "--repo", user.root, "--code", "F401")
    assert seen.code == 0
    assert user.read("a.py") == rest
    assert user.git("diff", "--numstat", "HEAD~1", "HEAD").split() == ["0", "1", "a.py"]


@pytest.mark.parametrize("mode", [0o444, 0o400, 0o755, 0o555])
def test_modes_matter_to_git_alone(make_checkout: Make, command: Command, mode: int) -> None:
    user = make_checkout({"a.py": UNUSED})
    (user.root / "a.py").chmod(mode)
    user.commit()
    executable = user.git("ls-tree", "HEAD", "a.py").split()[0]
    assert command("run", "--repo", user.root, "--code", "F401").code == 0
    assert (user.read("a.py"), user.status) == (FIXED, "")
    assert user.git("ls-tree", "HEAD", "a.py").split()[0] == executable
    assert os.access(user.root / "a.py", os.X_OK) == bool(mode & 0o100)


# What they are called


def test_names_of_every_kind_are_fixed_each_once(make_checkout: Make, command: Command) -> None:
    long = f"{'x' * 252}.py"
    names = [" space.py", "~tilde.py", "@{0}.py", "HEAD.py", "con.py", long, f"{'d' * 200}/{long}"]
    user = make_checkout(dict.fromkeys(names, UNUSED))
    seen = command("run", "--repo", user.root)
    assert (seen.code, user.status, user.leftovers()) == (0, "", [])
    assert [user.read(name) for name in names] == [FIXED] * len(names)
    assert len(user.subjects) == len(names) + 1


def test_two_forms_of_one_letter_are_two_names(make_checkout: Make, command: Command) -> None:
    names = [unicodedata.normalize(form, "é.py") for form in ("NFC", "NFD")]
    user = make_checkout(dict.fromkeys(names, UNUSED))
    if len(list(user.root.glob("*.py"))) != 2:
        pytest.skip("both forms are one file here")
    user.git("config", "core.precomposeUnicode", "true")
    assert command("run", "--repo", user.root).code == 0
    assert ([user.read(name) for name in names], user.status) == ([FIXED, FIXED], "")
    assert len(user.subjects) == 3


def test_a_name_that_the_check_cannot_say_is_skipped_for_that_reason(
    make_checkout: Make, command: Command
) -> None:
    name = os.fsdecode(b"not\xffutf8.py")
    try:
        user = make_checkout({"a.py": UNUSED, name: UNUSED})
    except OSError:
        pytest.skip("no such name can be made here")
    seen = command("run", "--repo", user.root)
    assert seen.code == 1
    assert seen.tells("skipped: its name is not UTF-8")
    assert (user.read("a.py"), user.read(name), user.status) == (FIXED, UNUSED, "")


def test_links_that_lead_anywhere_stay_links(make_checkout: Make, command: Command, tmp_path: Path) -> None:
    user = make_checkout({"pkg/a.py": UNUSED})
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "theirs.py").write_text(UNUSED)
    links = {"dangling.py": "nowhere.py", "loop.py": "loop.py", "folder": "pkg", "out": "../outside"}
    for name, target in links.items():
        (user.root / name).symlink_to(target)
    user.commit()
    seen = command("run", "--repo", user.root)
    assert user.read("pkg/a.py") == FIXED
    assert {name: str((user.root / name).readlink()) for name in links} == links
    assert (tmp_path / "outside" / "theirs.py").read_text() == UNUSED
    assert user.subjects[-1] == "fix(ruff): F401 in pkg/a.py"
    assert (user.status, user.leftovers()) == ("", [])
    assert seen.tells("pkg/a.py 1 fixed")


# What becomes of them meanwhile

MEDDLING = {
    "changed": ('theirs.write_text("mine\\n")', lambda path: path.read_text() == "mine\n"),
    "removed": ("theirs.unlink()", lambda path: not path.exists()),
    "a folder": ("theirs.unlink(); theirs.mkdir()", lambda path: path.is_dir()),
    "a link": ('theirs.unlink(); theirs.symlink_to("b.py")', lambda path: path.readlink() == Path("b.py")),
    "a pipe": ("theirs.unlink(); os.mkfifo(theirs)", lambda path: path.is_fifo()),
    "executable": (
        "theirs.chmod(0o755)",
        lambda path: os.access(path, os.X_OK) and path.read_text() == UNUSED,
    ),
    "staged": (
        'theirs.write_text("mine\\n"); os.system(f"git -C {theirs.parent} add a.py")',
        lambda path: path.read_text() == "mine\n",
    ),
}


@pytest.mark.parametrize("what", MEDDLING)
def test_what_the_user_does_to_a_file_meanwhile_is_kept(
    make_checkout: Make, command: Command, edited_by: Callable[..., Path], what: str
) -> None:
    act, kept = MEDDLING[what]
    user = make_checkout({"a.py": UNUSED, "b.py": UNUSED})
    code = f'{CURE}theirs = Path(sys.argv[2]) / file.name\nif file.name == "a.py":\n    {act}'
    path = edited_by(code, user.root, sections="parallelism: {max_parallel_files: 1}\n")
    seen = command("run", path, "--repo", user.root)
    assert seen.code == 1
    assert seen.tells("a.py: conflict:", "your working tree meanwhile", "b.py 1 fixed")
    assert kept(user.root / "a.py")
    assert (user.subjects, user.leftovers()) == (["start", "fix(ruff): F401 in b.py"], [])
    assert user.shown("HEAD", "a.py") == UNUSED


def test_a_file_that_was_only_touched_is_no_conflict(
    make_checkout: Make, command: Command, edited_by: Callable[..., Path]
) -> None:
    user = make_checkout({"a.py": UNUSED})
    path = edited_by(f"{CURE}os.utime(Path(sys.argv[2]) / file.name, (1, 1))", user.root)
    assert command("run", path, "--repo", user.root).code == 0
    assert (user.read("a.py"), user.status) == (FIXED, "")


def test_a_state_folder_that_is_removed_meanwhile_is_said(
    make_checkout: Make, command: Command, edited_by: Callable[..., Path]
) -> None:
    user = make_checkout({"a.py": UNUSED})
    path = edited_by(f"import shutil\n{CURE}shutil.rmtree(sys.argv[2])", user.root / ".stomper")
    seen = command("run", path, "--repo", user.root)
    assert seen.code == 3
    assert seen.tells(".stomper/locks was removed while the run was at work", "Run again")
    assert (user.read("a.py"), user.subjects, user.leftovers()) == (UNUSED, ["start"], [])
    assert command("run", path, "--repo", user.root).code == 3
