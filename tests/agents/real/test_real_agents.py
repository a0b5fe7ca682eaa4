"""The real tools fix a file through the whole pipeline, or fail to, without a network; see `trial`."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from tests.agents.real.install import PACKAGES, programs, tools_folder
from tests.agents.real.tools import TOOLS
from tests.agents.real.trial import Outcome, can_be_shut_in, shut_in

# Before the tests get another home.
FOLDER = tools_folder()
INSTALLED = {tool: programs(tool, FOLDER) is not None for tool in PACKAGES}
HOW = "python -m tests.agents.real.install"

pytestmark = [
    pytest.mark.real_agents,
    pytest.mark.timeout(200),
    pytest.mark.skipif(not can_be_shut_in(), reason="needs `unshare --net` of Linux"),
]
each = pytest.mark.parametrize(
    "tool",
    [
        pytest.param(
            tool, marks=pytest.mark.skipif(not there, reason=f"{tool} is not installed; {HOW} {tool}")
        )
        for tool, there in INSTALLED.items()
    ],
)


def tried(tool: str, case: str) -> Outcome:
    """A trial: whatever comes of it, nothing is left, and nothing done that the repository says."""
    seen = shut_in(tool, case, FOLDER)
    assert seen.left == 0, seen
    assert seen.dropped == (), seen
    assert seen.obeyed == (), seen
    assert seen.requests > 0, seen
    return seen


@each
def test_it_fixes_a_file_and_what_it_used_is_known(tool: str) -> None:
    seen = tried(tool, "fix")
    assert (seen.exit_code, seen.outcome, seen.fixed) == (0, "fixed", True), seen
    assert (seen.tokens_in, seen.tokens_out) == (100 * seen.requests, 10 * seen.requests), seen
    assert seen.turns == seen.requests, seen


@each
@pytest.mark.skipif(shutil.which("bwrap") is None or os.geteuid() != 0, reason="needs bwrap, as root")
def test_it_fixes_a_file_in_a_sandbox(tool: str) -> None:
    seen = tried(tool, "bubblewrap")
    assert (seen.exit_code, seen.outcome, seen.fixed) == (0, "fixed", True), seen


@each
def test_it_writes_in_the_workspace_and_nowhere_else(tool: str) -> None:
    if TOOLS[tool].escape is None:
        pytest.skip(f"nothing but a sandbox keeps {tool} from it")
    seen = tried(tool, "escape")
    assert (seen.outcome, seen.reason) == ("unfixed", "the agent changed nothing"), seen


@each
@pytest.mark.parametrize(("case", "failure"), [("refused", "auth"), ("quota", "quota")])
def test_it_is_asked_no_more_where_its_key_or_its_quota_is_refused(
    tool: str, case: str, failure: str
) -> None:
    seen = tried(tool, case)
    assert (seen.exit_code, seen.failure, seen.fixed) == (4, failure, False), seen


@each
@pytest.mark.parametrize(
    ("case", "failure", "said"),
    [
        ("limited", "error", "(?i)rate.?limit|too many requests|429"),
        ("hung", "timeout", "was ended at its time limit"),
        ("killed", "error", "was killed by SIGKILL"),
    ],
)
def test_it_may_be_asked_again_after_any_other_failure(tool: str, case: str, failure: str, said: str) -> None:
    seen = tried(tool, case)
    assert (seen.exit_code, seen.outcome, seen.failure, seen.fixed) == (1, "error", failure, False), seen
    assert re.search(said, seen.reason), seen
