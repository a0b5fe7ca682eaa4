"""A run that dies at any of its effects: what it leaves is whole, and going on ends as if undisturbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

import stomper_sdk
from stomper_sdk import api
from stomper_sdk.cli import main
from stomper_sdk.errors import ConflictError, RepositoryError, StomperError, UsageError
from stomper_sdk.faults import POINTS
from stomper_sdk.flock import try_lock, unlock
from stomper_sdk.secrets import holds_secret

if TYPE_CHECKING:
    from tests.conftest import Checkout

FILES = {
    "a.py": "import os\n",
    "b.py": "import os\nprint(undefined)\n",
    "c/c.py": "import os, sys\n",
    "d.py": "import re\n",
    "mine.py": "import this\n",
    "notes.txt": "one\n",
    "ruff.toml": 'lint.select = ["F"]\n',
}
#: At how many files the run dies at some point; the base's worktree passes two of them as well.
TIMES = {
    "worktree": 3,
    "removed": 3,
    "verified": 2,
    "objects": 2,
    "landing": 3,
    "merged": 2,
    "landed": 4,
    "ended": 2,
}


def started(repo: Checkout, *options: str, faults: str = "") -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "stomper_sdk",
        "run",
        "--repo",
        str(repo.root),
        "--no-progress",
        *options,
    ]
    env = {**os.environ, "STOMPER_FAULTS": faults}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def resumed(repo: Checkout, *options: str) -> int:
    """What does not die needs no process of its own."""
    return main(["run", "--repo", str(repo.root), "--no-progress", *options])


def users_work(repo: Checkout) -> None:
    """Something staged, something changed, something new: none of it is ours to touch."""
    repo.write({"mine.py": "import this  # changed\n", "notes.txt": "one\ntwo\n", "new.txt": "new\n"})
    repo.git("add", "notes.txt")
    repo.write({"notes.txt": "one\ntwo\nthree\n"})


def seen(repo: Checkout) -> Mapping[str, object]:
    """The repository as its user sees it, but for names that hold a time."""
    files = {name: repo.read(name) for name in (*FILES, "new.txt")}
    staged = repo.git("diff", "--cached")
    return {
        "tree": repo.tree,
        "subjects": sorted(repo.subjects),
        "status": repo.status,
        "files": files,
        "staged": staged,
    }


def told(repo: Checkout) -> Any:
    """The kept result of the one session, without what differs from run to run."""
    (kept,) = (repo.root / ".stomper" / "sessions").glob("*/result.json")
    document = json.loads(kept.read_text())
    for key in (
        "session_id",
        "duration_seconds",
        "head_commit",
        "base_commit",
        "notices",
        "peak_parallel_files",
        "repo",
    ):
        del document[key]
    del document["reducers"]["seconds_per_file"]
    for file in document["files"]:
        file["commit"] = file["commit"] is not None
        del file["duration_seconds"]
        for attempt in file["attempts"]:
            del attempt["duration_seconds"]
    for tier in document["tiers"]:
        for timed in (tier, *tier["codes"]):
            del timed["duration_seconds"]
    for proven in (*document["findings"], *document["evidence"]):
        proven["commit"] = proven["commit"] is not None
    return document


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, new_checkout: Callable[..., Checkout]
) -> tuple[Mapping[str, object], Any]:
    repo = new_checkout(tmp_path_factory.mktemp("undisturbed") / "repo", FILES)
    users_work(repo)
    assert started(repo).returncode == 1
    return seen(repo), told(repo)


@pytest.mark.parametrize("parallel", ["1", "4"])
@pytest.mark.parametrize("point", [point for point in POINTS if point not in ("session", "opened", "spent")])
def test_killed_at_any_effect_and_resumed_it_ends_as_if_undisturbed(
    point: str,
    parallel: str,
    undisturbed: tuple[Mapping[str, object], Any],
    make_checkout: Callable[..., Checkout],
    capsys: pytest.CaptureFixture[str],
) -> None:
    repo = make_checkout(FILES)
    users_work(repo)
    before = repo.status
    died = started(repo, "-j", parallel, faults=f"{point}:{TIMES.get(point, 1)}=kill")
    assert died.returncode == -signal.SIGKILL, died.stderr
    # Whole at any instant: the branch has whole commits only, and the user's work is as it was.
    repo.git("fsck", "--connectivity-only")
    if parallel == "1" and point not in ("landing", "merged"):  # else another file may be landing
        assert repo.status == before
    assert resumed(repo, "--resume", "last") == 1
    assert "Traceback" not in capsys.readouterr().err
    assert (seen(repo), told(repo)) == undisturbed
    assert repo.leftovers() == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("raise", "No space left on device"),
        pytest.param("readonly", "Read-only file system", marks=pytest.mark.slow),
        pytest.param("denied", "Permission denied", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "point", [point for point in POINTS if point not in ("session", "landed", "history", "spent")]
)
def test_where_the_disk_takes_nothing_at_an_effect_it_is_said_and_can_be_resumed(
    point: str,
    fault: str,
    error: str,
    undisturbed: tuple[Mapping[str, object], Any],
    make_checkout: Callable[..., Checkout],
) -> None:
    repo = make_checkout(FILES)
    users_work(repo)
    full = started(repo, faults=f"{point}:{TIMES.get(point, 1)}={fault}")
    assert error in full.stderr
    assert full.returncode == (1 if point == "result" else 3), full.stderr
    assert "bug" not in full.stderr
    assert repo.leftovers() == []
    options = ["--resume", "last"] if point != "opened" else []
    assert resumed(repo, *options) == 1
    assert (seen(repo), repo.leftovers()) == (undisturbed[0], [])


@pytest.mark.parametrize("fault", ["raise", "readonly", "denied"])
def test_where_the_disk_takes_nothing_at_the_very_start_nothing_is_done(
    fault: str, undisturbed: tuple[Mapping[str, object], Any], make_checkout: Callable[..., Checkout]
) -> None:
    repo = make_checkout(FILES)
    users_work(repo)
    full = started(repo, faults=f"session={fault}")
    assert (full.returncode, repo.subjects, repo.leftovers()) == (3, ["start"], [])
    assert "bug" not in full.stderr and "<session>" in full.stderr
    assert resumed(repo) == 1
    assert (seen(repo), repo.leftovers()) == (undisturbed[0], [])


@pytest.mark.parametrize("point", ["session", "opened"])
def test_killed_before_there_is_a_plan_it_begins_again(
    point: str, undisturbed: tuple[Mapping[str, object], Any], make_checkout: Callable[..., Checkout]
) -> None:
    repo = make_checkout(FILES)
    users_work(repo)
    assert started(repo, faults=f"{point}=kill").returncode == -signal.SIGKILL
    assert resumed(repo, *(["--resume", "last"] if point == "opened" else [])) == 1
    assert (seen(repo), repo.leftovers()) == (undisturbed[0], [])


@pytest.fixture
def died(make_checkout: Callable[..., Checkout]) -> Checkout:
    """A repository in which a run died when two files had ended."""
    repo = make_checkout(FILES)
    started(repo, "-j", "1", "--set", "retry.max_attempts=2", "--code", "F401", faults="ended:2=kill")
    return repo


def test_it_goes_on_with_what_the_run_was_asked_for(
    died: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", "resume", "--repo", str(died.root), "--output", "json"]) == 0
    out, err = capsys.readouterr()
    assert {finding["code"] for finding in json.loads(out)["findings"]} == {"F401"}
    assert "resumed: 2 files of 5 had ended" in err
    assert stomper_sdk.load_pipeline("default").retry.max_attempts == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"resume": "last", "overrides": {"accept": "all"}}, "the pipeline is not the one that stomper-"),
        ({"resume": "last", "pipeline": "strict"}, "the pipeline is not the one that stomper-"),
        ({"resume": "nonsense"}, "there is no run 'nonsense'"),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused(options: dict[str, Any], said: str, died: Checkout) -> None:
    before = died.head
    with pytest.raises(UsageError, match=said):
        stomper_sdk.run(repo=died.root, **options)
    assert died.head == before


def test_a_run_that_has_ended_is_not_resumed(died: Checkout) -> None:
    stomper_sdk.run(repo=died.root, resume="last")
    with pytest.raises(UsageError, match="has ended: nothing is left to do"):
        stomper_sdk.run(repo=died.root, resume="last")


def test_it_does_not_go_on_in_another_branch(died: Checkout) -> None:
    died.git("switch", "--quiet", "--create", "other")
    with pytest.raises(RepositoryError, match="was committing to main, and other is checked out"):
        stomper_sdk.run(repo=died.root, resume="last")
    assert (died.head, died.leftovers()) == (died.git("rev-parse", "main").strip(), ["refs/heads/other"])


def test_a_file_that_the_user_has_changed_meanwhile_is_left_alone(died: Checkout) -> None:
    died.write({"d.py": "import re\n# mine\n"})
    result = stomper_sdk.run(repo=died.root, resume="last")
    assert {file.path: file.outcome for file in result.files}["d.py"] == "skipped"
    assert died.read("d.py") == "import re\n# mine\n"


def test_a_cancelled_run_can_be_resumed(make_checkout: Callable[..., Checkout]) -> None:
    repo, control = make_checkout(FILES), stomper_sdk.Control()
    first = stomper_sdk.run(
        "default", repo=repo.root, control=control, listeners=(lambda event: control.drain(),)
    )
    assert first.status == "cancelled"
    again = stomper_sdk.run(repo=repo.root, resume=first.session_id)
    assert (again.session_id, again.status, again.total_errors_fixed) == (first.session_id, "completed", 6)


def test_a_torn_journal_is_read_as_far_as_it_is_whole(died: Checkout) -> None:
    (journal,) = (died.root / ".stomper" / "sessions").glob("*/journal")
    whole = journal.read_bytes()
    journal.write_bytes(whole[: len(whole) - 40])
    result = stomper_sdk.run(repo=died.root, resume="last")
    assert (result.total_errors_fixed, len(died.subjects)) == (6, 6)


@pytest.mark.parametrize("content", [b"", b"nonsense\n", b'00000000 ["Opened",{}]\n'])
def test_what_is_no_journal_is_refused(content: bytes, died: Checkout) -> None:
    (journal,) = (died.root / ".stomper" / "sessions").glob("*/journal")
    journal.write_bytes(content)
    with pytest.raises(StomperError, match="left no journal that could be read"):
        stomper_sdk.run(repo=died.root, resume="last")


def test_a_journal_that_cannot_be_read_keeps_nobody_from_working(
    make_checkout: Callable[..., Checkout],
) -> None:
    repo = make_checkout(FILES)
    started(repo, "-j", "1", faults="landing=kill")
    (journal,) = (repo.root / ".stomper" / "sessions").glob("*/journal")
    text = b'["Landing",{"parent":3}]'
    journal.write_bytes(b"%08x %b\n" % (zlib.crc32(text), text))
    (said,) = stomper_sdk.clean(repo.root)
    assert "cannot be read" in said
    assert stomper_sdk.run("default", repo=repo.root).total_errors_fixed == 6


@pytest.mark.parametrize("half", ["locked", "written", "missing"])
def test_half_a_move_of_the_checkout_is_taken_back_or_finished(
    half: str, make_checkout: Callable[..., Checkout]
) -> None:
    """What a git that is killed with us leaves: a lock, files of the new commit, half of one, a new index."""
    repo = make_checkout(FILES)
    users_work(repo)
    before = (repo.status, repo.tree)
    started(repo, "-j", "1", faults="landing=kill")
    fixed = repo.git("cat-file", "-p", "HEAD:a.py").replace("import os\n", "")
    if half == "written":
        repo.write({"a.py": fixed})
    elif half == "missing":
        (repo.root / "a.py").unlink()
    for lock in ("index.lock", "refs/heads/main.lock"):
        (repo.root / ".git" / lock).touch()
    (said,) = stomper_sdk.clean(repo.root)
    assert "took back what was half-written of a.py" in said
    assert (repo.status, repo.tree, repo.leftovers()) == (*before, [])
    assert repo.read("a.py") == FILES["a.py"]


def test_a_move_that_ended_between_index_and_branch_is_taken_back(
    make_checkout: Callable[..., Checkout],
) -> None:
    repo = make_checkout(FILES)
    users_work(repo)
    before = (repo.status, repo.tree)
    started(repo, "-j", "1", faults="landing=kill")
    repo.write({"a.py": repo.git("cat-file", "-p", "HEAD:a.py").replace("import os\n", "")})
    repo.git("add", "a.py")
    (said,) = stomper_sdk.clean(repo.root)
    assert "took back" in said
    assert (repo.status, repo.tree, repo.read("a.py")) == (*before, FILES["a.py"])


@pytest.mark.parametrize("theirs", ["fixed and staged", "removed", "cut", "locked long after"])
def test_what_the_user_did_after_a_kill_is_theirs(
    theirs: str, make_checkout: Callable[..., Checkout]
) -> None:
    repo = make_checkout(
        {"a.py": "x = 1\n\n\ndef f():\n    import os\n", "ruff.toml": 'lint.select = ["F"]\n'}
    )
    started(repo, "-j", "1", faults="landing=kill")
    lock = repo.root / ".git" / "index.lock"
    if theirs == "fixed and staged":
        repo.write({"a.py": "x = 1\n\n\ndef f():\n    pass\n"})
        repo.git("add", "a.py")
    elif theirs == "removed":
        repo.git("rm", "--quiet", "a.py")
    else:
        repo.write({"a.py": "x = 1\n"})
    before = (repo.status, sorted(path.name for path in repo.root.iterdir()), repo.git("diff"))
    os.utime(repo.root / ".git" / "index", (time.time() + 60,) * 2)  # nobody is as quick as a test
    if theirs == "locked long after":
        lock.touch()
        os.utime(lock, (time.time() + 900,) * 2)
    stomper_sdk.clean(repo.root)
    assert lock.exists() is (theirs == "locked long after")
    lock.unlink(missing_ok=True)
    assert (repo.status, sorted(path.name for path in repo.root.iterdir()), repo.git("diff")) == before


@pytest.mark.parametrize("target", ["../elsewhere", "/tmp/elsewhere", "refs/heads/../../x", "refs/tags/x"])
def test_a_journal_that_names_something_else_than_a_branch_is_not_believed(
    target: str, died: Checkout
) -> None:
    (journal,) = (died.root / ".stomper" / "sessions").glob("*/journal")
    lines = []
    for line in filter(None, journal.read_bytes().split(b"\n")):
        text = line.partition(b" ")[2].replace(
            b'"target":"refs/heads/main"', b'"target":"%b"' % target.encode()
        )
        lines.append(b"%08x %b\n" % (zlib.crc32(text), text))
    journal.write_bytes(b"".join(lines))
    with pytest.raises(StomperError, match="is no branch"):
        stomper_sdk.run(repo=died.root, resume="last")


def test_a_commit_that_was_taken_out_meanwhile_is_no_result(died: Checkout) -> None:
    fixed = len(died.subjects)
    died.git("reset", "--quiet", "--hard", "HEAD~1")
    result = stomper_sdk.run(repo=died.root, resume="last")
    assert (result.exit_code, result.count("fixed"), len(died.subjects)) == (0, 5, fixed + 3)


WORDS = (["run", "--resume", "last"], ["runs", "resume"], ["runs", "verify"], ["runs", "revert"])


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_runs_that_came_with_the_repository_are_not_obeyed(
    words: list[str], died: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    died.git("add", "--force", ".stomper/sessions")
    died.git("commit", "--quiet", "--message", "Bring a run along")
    before = (died.head, died.status)
    assert main([*words, "--repo", str(died.root)]) == 3
    assert "git tracks .stomper: its runs came with the repository" in capsys.readouterr().err
    assert (died.head, died.status) == before


def test_a_journal_that_others_can_write_is_not_obeyed(
    died: Checkout, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (journal,) = (died.root / ".stomper" / "sessions").glob("*/journal")
    assert journal.stat().st_mode & 0o777 == 0o600
    journal.chmod(0o620)
    assert main(["runs", "resume", "--repo", str(died.root)]) == 3
    assert "cannot be read: others than you can write it (mode 620)" in capsys.readouterr().err
    journal.chmod(0o600)
    monkeypatch.setattr("stomper_sdk.journal.log.os.getuid", lambda: 4711)
    assert main(["runs", "resume", "--repo", str(died.root)]) == 3
    assert "it belongs to another user, who may have written anything" in capsys.readouterr().err


def test_a_run_is_resumed_as_it_was_narrowed(died: Checkout) -> None:
    with pytest.raises(UsageError, match="was not narrowed to these"):
        stomper_sdk.run(repo=died.root, resume="last", only=stomper_sdk.Selection(codes=("E501",)))


def test_a_secret_in_an_override_is_not_kept_and_asked_for_again(
    make_checkout: Callable[..., Checkout],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "hunter2hunter2")
    key, value = "apply.commit.template", "hunter2hunter2 {{ path }}"
    repo = make_checkout(FILES)
    died = started(repo, "-j", "1", "--set", f"{key}={value}", faults="ended:2=kill")
    assert died.returncode == -signal.SIGKILL
    (journal,) = (repo.root / ".stomper" / "sessions").glob("*/journal")
    assert "hunter2" not in journal.read_text()
    before = repo.head
    assert main(["runs", "resume", "--repo", str(repo.root)]) == 2
    said = capsys.readouterr().err
    assert f"was given a secret for {key}, which is not kept" in said
    assert f"--set {key}=VALUE" in said
    assert repo.head == before
    again = ["--repo", str(repo.root), "--set", f"{key}={value}"]
    assert main(["runs", "resume", *again]) == 1
    assert sorted(repo.subjects[-5:]) == [
        f"*** {path}" for path in ("a.py", "b.py", "c/c.py", "d.py", "mine.py")
    ]
    assert main(["runs", "verify", "--repo", str(repo.root)]) == 2
    assert main(["runs", "verify", *again]) == 0
    assert "hunter2" not in journal.read_text()


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("agents.mine.api_key", "sk-1", False),
        ("agents.mine.env", {"API_TOKEN": "sk-1"}, False),
        ("agents.mine.env", {"API_TOKEN": "${API_TOKEN}"}, True),
        ("agents.mine.env", ["API_TOKEN"], True),
        ("agents.mine.max_output_tokens", "8k", True),
        ("agents.mine.run", ["sh", "-c", "echo hunter2hunter2"], False),
        ("retry.max_attempts", 2, True),
    ],
)
def test_what_is_secret_of_overrides(key: str, value: object, kept: bool) -> None:
    assert holds_secret(key, value, {"hunter2hunter2"}) is not kept


@pytest.mark.parametrize("fault", ["raise", "readonly", "denied"])
def test_a_commit_whose_record_could_not_be_written_is_told(
    fault: str, make_checkout: Callable[..., Checkout]
) -> None:
    repo = make_checkout(FILES)
    done = started(repo, "-j", "1", "--output", "json", faults=f"landed={fault}")
    commits = [file["commit"] for file in json.loads(done.stdout)["files"] if file["commit"]]
    assert sorted(commits) == sorted(repo.git("rev-list", "HEAD", "--not", "HEAD~5").split())


def test_a_run_that_is_at_work_is_not_taken_back(died: Checkout) -> None:
    (folder,) = (died.root / ".stomper" / "sessions").iterdir()
    alive = try_lock(folder / "alive")
    with pytest.raises(UsageError, match="is still running"):
        api.revert(repo=died.root, session=folder.name)
    assert alive is not None
    unlock(alive)


def test_a_killed_run_is_taken_back_with_all_its_commits(make_checkout: Callable[..., Checkout]) -> None:
    repo = make_checkout(FILES)
    started(repo, "-j", "1", faults="landed:2=kill")
    assert len(api.revert(repo=repo.root)) == 2
    assert repo.git("diff", "--stat", "HEAD", "HEAD~4") == ""


def test_a_run_is_shown_as_a_diff_and_taken_back_whole(
    make_checkout: Callable[..., Checkout], capsys: pytest.CaptureFixture[str]
) -> None:
    repo = make_checkout(FILES)
    result = stomper_sdk.run("default", repo=repo.root)
    repo.write({"notes.txt": "one\ntwo\n", "new.txt": "new\n"})
    repo.git("add", "notes.txt")
    before = (repo.status, repo.read("notes.txt"))
    main(["runs", "diff", "--repo", str(repo.root)])
    patch = capsys.readouterr().out
    assert patch.count("diff --git ") == result.count("fixed") + result.count("partial") == 5
    assert "-import os, sys" in patch.splitlines()
    assert main(["runs", "revert", result.session_id, "--repo", str(repo.root)]) == 0
    assert repo.git("diff", "--stat", "HEAD", result.base_commit) == ""
    assert (repo.status, repo.read("notes.txt"), repo.leftovers()) == (*before, [])
    assert repo.subjects[-1].startswith('Revert "fix(ruff): F401 in ')
    assert f"Stomper-Session: {result.session_id}" in repo.git("log", "-1", "--format=%B")
    assert [path.name for path in (repo.root / ".stomper" / "sessions").iterdir()] == [result.session_id]


def test_a_run_on_another_branch_is_shown_from_its_commits(make_checkout: Callable[..., Checkout]) -> None:
    repo = make_checkout(FILES)
    repo.git("switch", "--quiet", "-c", "side")
    result = stomper_sdk.run("default", repo=repo.root)
    there = api.diff(repo=repo.root)
    repo.git("switch", "--quiet", "-")
    before = (repo.head, repo.status)
    assert api.diff(repo=repo.root) == there != ""
    with pytest.raises(RepositoryError, match="is not in the branch that is checked out") as refused:
        api.revert(repo=repo.root)
    assert "git switch side" in refused.value.hint
    repo.git("branch", "--quiet", "-D", "side")
    assert api.diff(result.session_id, repo=repo.root) == there
    with pytest.raises(RepositoryError, match="is not in the branch") as refused:
        api.revert(repo=repo.root)
    assert (refused.value.hint, repo.head, repo.status) == ("No branch has it.", *before)


def test_commits_that_are_gone_are_told(make_checkout: Callable[..., Checkout]) -> None:
    repo = make_checkout(FILES)
    base = repo.head
    result = stomper_sdk.run("default", repo=repo.root)
    repo.git("reset", "--quiet", "--hard", base)
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")
    with pytest.raises(RepositoryError, match=f"a commit of {result.session_id} is gone"):
        api.diff(repo=repo.root)


def test_what_was_taken_back_already_stays_so(
    make_checkout: Callable[..., Checkout], capsys: pytest.CaptureFixture[str]
) -> None:
    repo = make_checkout(FILES)
    result = stomper_sdk.run("default", repo=repo.root)
    one, other, *rest = (file.commit for file in result.files if file.commit)
    repo.git("revert", "--no-edit", one)
    repo.git("revert", "--no-edit", other)
    repo.git("revert", "--no-edit", "HEAD")
    assert set(api.revert(repo=repo.root)) == {other, *rest}
    head = repo.head
    assert repo.git("diff", "--stat", "HEAD", result.base_commit) == ""
    assert (api.revert(repo=repo.root), repo.head) == ({}, head)
    assert main(["runs", "revert", "--repo", str(repo.root)]) == 0
    assert capsys.readouterr().err == "no commit of it is left to take back\n"


def reverted(repo: Checkout, faults: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stomper_sdk", "runs", "revert", "--repo", str(repo.root)]
    env = {**os.environ, "STOMPER_FAULTS": faults}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("at", ["session", "opened", "landing", "merged", "landed"])
def test_taking_back_that_was_killed_is_all_or_nothing_and_done_again(
    at: str, make_checkout: Callable[..., Checkout], capsys: pytest.CaptureFixture[str]
) -> None:
    repo = make_checkout(FILES)
    result = stomper_sdk.run("default", repo=repo.root)
    users = {"notes.txt": "one\ntwo\n", "new.txt": "new\n"}
    repo.write(users)
    before = repo.status
    made = len(repo.subjects)
    assert reverted(repo, f"{at}=kill").returncode == -signal.SIGKILL
    died, run = api.runs(repo.root)
    assert (died.status, run.session_id) == ("died", result.session_id)
    if at != "session":
        assert died.problem.startswith(f"it was to take back {result.session_id}: ")
    done = at in ("merged", "landed")
    assert (len(repo.subjects) - made, repo.status) == (5 if done else 0, before)
    said = "\n".join(api.clean(repo.root))
    if at != "session":
        told = "the commits of {} are taken back" if done else "no commit of {} is taken back yet"
        assert told.format(result.session_id) in said
    assert reverted(repo).returncode == 0
    assert (len(repo.subjects) - made, repo.status) == (5, before)
    assert repo.git("diff", "--stat", "HEAD", result.base_commit) == ""
    assert ([it.session_id for it in api.runs(repo.root)], repo.leftovers()) == ([result.session_id], [])


def test_what_the_user_is_changing_is_not_taken_back(make_checkout: Callable[..., Checkout]) -> None:
    repo = make_checkout(FILES)
    stomper_sdk.run("default", repo=repo.root)
    users_work(repo)
    before = (repo.head, repo.status)
    with pytest.raises(ConflictError, match="changes that are not committed"):
        api.revert(repo=repo.root)
    assert (repo.head, repo.status, repo.leftovers()) == (*before, [])


def test_what_was_changed_since_is_not_taken_back(make_checkout: Callable[..., Checkout]) -> None:
    repo = make_checkout(FILES)
    stomper_sdk.run("default", repo=repo.root)
    head = repo.commit({"c/c.py": "print(1)\n"})
    with pytest.raises(ConflictError, match=r"cannot be taken back: c/c\.py was changed since"):
        api.revert(repo=repo.root)
    assert (repo.head, repo.status, repo.leftovers()) == (head, "", [])
