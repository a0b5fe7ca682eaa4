"""`await run_async(...)` under trio and, as at the top level of a notebook, under asyncio."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
import trio

import stomper_sdk
from stomper_sdk import AgentTask
from stomper_sdk.errors import RepositoryError

Make = Callable[..., Any]
IMPORTS = {"a.py": "import os\n", "b.py": "import sys\n"}


def clears(task: AgentTask) -> None:
    (task.workspace / task.path).write_text("")


async def test_under_trio(make_checkout: Make) -> None:
    user = make_checkout(IMPORTS)
    result = await stomper_sdk.run_async("default", repo=user.root, agents={"builtin": clears})
    assert (result.exit_code, result.total_errors_fixed, user.leftovers()) == (0, 2, [])


def test_under_asyncio_beside_its_own_tasks(make_checkout: Make) -> None:
    user, ticks = make_checkout(IMPORTS), []

    async def tick() -> None:
        while True:
            ticks.append(1)
            await asyncio.sleep(0.005)

    async def main() -> stomper_sdk.RunResult:
        other = asyncio.create_task(tick())
        try:
            return await stomper_sdk.run_async("default", repo=user.root)
        finally:
            other.cancel()

    result = asyncio.run(main())
    assert (result.exit_code, result.total_errors_fixed, user.leftovers()) == (0, 2, [])
    assert len(ticks) > 3


def test_an_error_comes_through_asyncio_as_it_is(tmp_path: Any) -> None:
    with pytest.raises(RepositoryError, match="not in a git repository"):
        asyncio.run(stomper_sdk.run_async("default", repo=tmp_path))


def test_a_cancelled_asyncio_task_cleans_up_first(make_checkout: Make) -> None:
    user, at_work = make_checkout(IMPORTS), threading.Event()

    async def waits(task: AgentTask) -> None:
        at_work.set()
        await trio.sleep_forever()

    async def main() -> None:
        running = asyncio.create_task(
            stomper_sdk.run_async("default", repo=user.root, agents={"builtin": waits})
        )
        while not at_work.is_set():
            await asyncio.sleep(0.01)
        assert user.leftovers() != []
        running.cancel()
        await running

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert (user.leftovers(), user.subjects, user.status) == ([], ["start"], "")


def test_cancelling_an_asyncio_task_again_and_again_does_not_abandon_the_run(make_checkout: Make) -> None:
    user, at_work, in_cleanup = make_checkout(IMPORTS), threading.Event(), threading.Event()

    async def slow_to_end(task: AgentTask) -> None:
        at_work.set()
        try:
            await trio.sleep_forever()
        finally:
            in_cleanup.set()
            with trio.CancelScope(shield=True):
                await trio.sleep(0.5)

    async def until(event: threading.Event) -> None:
        while not event.is_set():
            await asyncio.sleep(0.01)

    async def main() -> None:
        running = asyncio.create_task(
            stomper_sdk.run_async("default", repo=user.root, agents={"builtin": slow_to_end})
        )
        await until(at_work)
        running.cancel()
        await until(in_cleanup)
        for _ in range(3):
            running.cancel()
            await asyncio.sleep(0.02)
        assert not running.done()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (user.leftovers(), user.subjects, user.status) == ([], ["start"], "")

    asyncio.run(main())


def test_asyncio_is_loaded_only_where_it_is_used() -> None:
    code = "import sys, stomper_sdk.guest; sys.exit('asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


async def test_a_cancelled_trio_scope_cleans_up_first(make_checkout: Make) -> None:
    user = make_checkout(IMPORTS)
    with trio.CancelScope() as scope:

        async def waits(task: AgentTask) -> None:
            scope.cancel()
            await trio.sleep_forever()

        await stomper_sdk.run_async("default", repo=user.root, agents={"builtin": waits})
    assert scope.cancelled_caught
    assert (user.leftovers(), user.subjects, user.status) == ([], ["start"], "")


def test_an_interrupt_in_python_cleans_up_and_is_raised(make_checkout: Make) -> None:
    user = make_checkout(IMPORTS)

    async def interrupted(task: AgentTask) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stomper_sdk.run("default", repo=user.root, agents={"builtin": interrupted})
    assert (user.leftovers(), user.subjects, user.status) == ([], ["start"], "")


def test_in_a_thread_that_is_not_the_main_one(make_checkout: Make) -> None:
    user, results = make_checkout(IMPORTS), []
    thread = threading.Thread(target=lambda: results.append(stomper_sdk.run("default", repo=user.root)))
    thread.start()
    thread.join()
    assert [result.exit_code for result in results] == [0]
    assert user.leftovers() == []


def test_two_runs_on_one_repository_at_once(make_checkout: Make) -> None:
    user = make_checkout({f"{half}{number}.py": "import os\n" for half in "ab" for number in range(6)})
    results: list[stomper_sdk.RunResult] = []

    def half(pattern: str) -> None:
        overrides = {"files.include": [pattern]}
        results.append(stomper_sdk.run("default", repo=user.root, overrides=overrides))

    threads = [threading.Thread(target=half, args=(pattern,)) for pattern in ("a*.py", "b*.py")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.total_errors_fixed for result in results] == [6, 6]
    assert (user.leftovers(), user.status) == ([], "")
    assert len(user.subjects) == 13
