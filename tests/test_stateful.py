"""Users and runs on one repository, in any order: what must hold holds after each step."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import stomper_sdk
from stomper_sdk import AgentTask, Finding
from stomper_sdk.checks.base import CHECKS, Tree
from stomper_sdk.events import FileStarted

if TYPE_CHECKING:
    from tests.conftest import Checkout

NAMES = st.sampled_from([f"f{number}.txt" for number in range(5)])
DEEDS = st.sampled_from(["cure", "nothing", "raise", "spoil", "remove", "stray", "half"])
PIPELINE = {
    "extends": "default",
    "checks": {"ruff": {"use": "bad"}},
    "retry": {"max_attempts": 2},
    "test_validation": {"mode": "none"},
}


def bad(tree: Tree, paths: Sequence[str] | None) -> Iterable[Finding]:
    """A finding for each line that is BAD and a number."""
    for path in sorted(tree.root.glob("*.txt")):
        if paths is None or path.name in paths:
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if line.startswith("BAD"):
                    yield Finding("", "BAD", line, path.name, number, 1, text=line)


def agent_of(deed: str) -> Callable[[AgentTask], None]:
    def act(task: AgentTask) -> None:
        file = task.workspace / task.path
        lines = file.read_text().splitlines()
        good = [line for line in lines if not line.startswith("BAD")]
        if deed == "raise":
            raise ValueError("no")
        if deed == "remove":
            file.unlink()
        elif deed == "stray":
            (task.workspace / "stray.txt").write_text("BAD stray\n")
        elif deed == "half":
            file.write_text("\n".join([*good, *[line for line in lines if line not in good][1:], ""]))
        elif deed in ("cure", "spoil"):
            file.write_text("\n".join([*good, *(["BAD new"] if deed == "spoil" else []), ""]))

    return act


@pytest.fixture
def machine(
    new_checkout: Callable[..., Checkout], monkeypatch: pytest.MonkeyPatch
) -> Iterator[type[RuleBasedStateMachine]]:
    monkeypatch.setitem(CHECKS._registered, "bad", bad)

    class Repository(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.folder = Path(tempfile.mkdtemp(prefix="stateful-"))
            self.repo = new_checkout(
                self.folder / "repo", {"f0.txt": "one\nBAD 0\nBAD 1\n", "f1.txt": "BAD 2\ntwo\n"}
            )

        def teardown(self) -> None:
            shutil.rmtree(self.folder)

        @rule(name=NAMES, count=st.integers(0, 3))
        def commit(self, name: str, count: int) -> None:
            text = "start\n" + "".join(f"BAD {number}\n" for number in range(count))
            self.repo.write({name: text})
            self.repo.git("add", name)
            self.repo.git("commit", "--quiet", "--allow-empty", "--only", "-m", "user", "--", name)

        @rule(name=NAMES, staged=st.booleans())
        def edit(self, name: str, staged: bool) -> None:
            self.repo.write({name: "BAD mine\nmine\n"})
            if staged:
                self.repo.git("add", name)

        @rule(deed=DEEDS, parallel=st.sampled_from([1, 3]), stop=st.sampled_from(["", "drain", "cancel"]))
        def run(self, deed: str, parallel: int, stop: str) -> None:
            before, bad_before = self.users_work(), self.bad_lines()
            control = stomper_sdk.Control()

            def listen(event: object) -> None:
                if stop and isinstance(event, FileStarted):
                    getattr(control, stop)()

            result = stomper_sdk.run(
                PIPELINE,
                repo=self.repo.root,
                agents={"builtin": agent_of(deed)},
                overrides={"parallelism.max_parallel_files": parallel},
                listeners=(listen,),
                control=control,
            )
            assert self.users_work() == before
            fixed = sum(file.fixed_count for file in result.files)
            assert fixed == bad_before - self.bad_lines()
            assert fixed == sum(end.status == "fixed" for end in result.ledger)
            for file in result.files:
                assert (file.commit is not None) == (file.outcome in ("fixed", "partial"))
                if file.outcome == "fixed":
                    assert "BAD" not in self.repo.shown("HEAD", file.path)
            if deed in ("nothing", "raise", "spoil", "remove", "stray"):
                assert fixed == 0

        @invariant()
        def whole(self) -> None:
            self.repo.git("fsck", "--connectivity-only")
            assert self.repo.leftovers() == []

        def users_work(self) -> Any:
            """All that is not committed, as it lies there and as it is staged."""
            dirty = [line[3:] for line in self.repo.status.splitlines()]
            files = {}
            for name in dirty:
                with contextlib.suppress(FileNotFoundError):
                    files[name] = self.repo.read(name)
            return files, self.repo.git("diff", "--cached"), self.repo.git("diff")

        def bad_lines(self) -> int:
            return self.repo.git("grep", "-h", "^BAD", "HEAD", "--", "*.txt", ok=False).count("\n")

    yield Repository


@pytest.mark.timeout(300)
def test_what_must_hold_holds_after_each_step(machine: type[RuleBasedStateMachine]) -> None:
    limits = settings(
        max_examples=12, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=limits)  # type: ignore[no-untyped-call]
