"""Two past runs are compared on the findings that both had."""

from __future__ import annotations

from typing import Any

import pytest

import stomper_sdk
import stomper_sdk.api
from stomper_sdk.errors import UsageError
from tests.laboratory.conftest import PIPELINE, drops


def test_two_runs_from_one_commit_are_paired_by_place(user: Any) -> None:
    start = user.head
    first = stomper_sdk.run(PIPELINE, repo=user.root)
    user.git("reset", "--hard", "--quiet", start)
    second = stomper_sdk.run(PIPELINE, repo=user.root, agents={"main": drops(["import os"])})

    told = stomper_sdk.compare(first.session_id, second.session_id, repo=user.root)

    assert (told.a, told.b) == (first.session_id, second.session_id)
    assert (told.difference, told.n, told.n_files) == (0.5, 16, 8)
    assert stomper_sdk.compare(second, first).difference == -0.5


def test_runs_from_different_commits_share_what_stands_in_the_same_text(user: Any) -> None:
    start = user.head
    stomper_sdk.run(PIPELINE, repo=user.root)
    user.git("reset", "--hard", "--quiet", start)
    # Every finding moves by a line, half of the files lose one, and a file is new.
    for number in range(8):
        name = f"f{number:02}.py"
        text = "# moved\n" + user.read(name)
        user.write({name: text.replace("import sys\n", "") if number % 2 else text})
    user.commit({"new.py": "import os\n"})
    later = stomper_sdk.run(PIPELINE, repo=user.root, agents={"main": drops([])})
    first, _ = stomper_sdk.api.runs(user.root)[::-1]

    told = stomper_sdk.compare(first.session_id, later, repo=user.root)

    assert (told.n, told.n_files, told.difference) == (12, 8, 1.0)


def test_what_cannot_be_compared_is_told(user: Any) -> None:
    first = stomper_sdk.run(PIPELINE, repo=user.root)
    with pytest.raises(UsageError, match="cannot be compared with itself"):
        stomper_sdk.compare("last", first, repo=user.root)
    empty = stomper_sdk.run(PIPELINE, repo=user.root)
    with pytest.raises(UsageError, match="has tried to fix nothing"):
        stomper_sdk.compare(first, empty)
    with pytest.raises(UsageError, match="there is no run"):
        stomper_sdk.compare("nobody", first, repo=user.root)
