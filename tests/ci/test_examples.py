"""The scripts of the example workflows, run on real repositories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.ci.conftest import Ended
    from tests.conftest import Checkout

    Make = Callable[..., Checkout]
    Bash = Callable[..., Ended]

Document = Callable[[str], Any]


@pytest.fixture
def origin(make_checkout: Make) -> Checkout:
    """A repository with a pull request's branch, which is not checked out."""
    repo = make_checkout({"a.py": "import os\n"}, "origin")
    repo.git("branch", "feature")
    return repo


def cloned(origin: Checkout, path: Path) -> Checkout:
    origin.git("clone", "--quiet", ".", str(path))
    checkout = type(origin)(path)
    checkout.git("checkout", "--quiet", "--detach", "origin/feature")
    checkout.git("config", "user.name", "A User")
    checkout.git("config", "user.email", "user@example.org")
    return checkout


@pytest.mark.parametrize("moved", [False, True])
def test_fixes_reach_the_branch_unless_it_has_moved_on(
    moved: bool, origin: Checkout, bash: Bash, document: Document, tmp_path: Path
) -> None:
    jobs = document("docs/examples/github-pull-request.yml")["jobs"]
    (bundle,), (push,) = ([s["run"] for s in jobs[job]["steps"] if "run" in s] for job in ("fix", "push"))
    base = origin.head
    reader, writer = (cloned(origin, tmp_path / name) for name in ("reader", "writer"))
    fix = reader.commit({"a.py": ""}, "fix")
    if moved:
        origin.git("checkout", "--quiet", "feature")
        origin.commit({"b.py": ""}, "theirs")
        origin.git("checkout", "--quiet", "main")
    before = origin.git("rev-parse", "feature").strip()
    assert bash(bundle, reader.root, {"BASE": base}).code == 0
    assert (bash(push, writer.root, {"BRANCH": "feature"}).code != 0) is moved
    assert origin.git("rev-parse", "feature").strip() == (before if moved else fix)


def test_gitlab_gets_tests_and_a_patch(make_checkout: Make, bash: Bash, document: Document) -> None:
    repo = make_checkout({"old.py": "import os\n"})
    base = repo.head
    head = repo.commit({"a.py": "import os\n", "b.py": "x = unknown\n"})
    repo.git("config", "--remove-section", "user")
    job = document("docs/examples/gitlab-ci.yml")["stomper_sdk"]
    env = {**job["variables"], "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "CI_COMMIT_SHA": head}
    assert bash("\n".join(job["script"]), repo.root, env).code == 1
    assert bash("\n".join(job["after_script"]), repo.root, env).code == 0
    assert 'name="b.py"' in repo.read(job["artifacts"]["reports"]["junit"])
    patch, fixed = job["artifacts"]["paths"][0], repo.tree
    repo.git("reset", "--quiet", "--hard", head)
    repo.git("-c", "user.name=a", "-c", "user.email=a@b", "am", "--quiet", patch)
    assert (repo.tree, repo.read("a.py")) == (fixed, "")
