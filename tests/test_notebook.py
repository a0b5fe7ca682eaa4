"""Runs in a real kernel: what a cell shows while it works, interrupts, runs beside, what is left."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from jupyter_client.manager import start_new_kernel

if TYPE_CHECKING:
    from tests.conftest import Checkout

Make = Callable[..., "Checkout"]
ROOT = Path(__file__).parents[1]
FILES = {f"f{number}.py": "import os\n" for number in range(6)}
SETUP = """
import os, threading, time, trio
import stomper_sdk
stomper_sdk.agent

async def forever(task):
    await trio.sleep_forever()

def run(**more):
    return stomper_sdk.run("default", overrides={"test_validation.mode": "none"}, **more)
"""


REFUSED = """
try:
    stomper_sdk.start("nonsense").result()
except stomper_sdk.StomperError as error:
    print(error)
"""
AGAIN = """
import gc, psutil

def again():
    for name in os.listdir("."):
        if name.endswith(".py"):
            with open(name, "a") as file:
                file.write("import os\\n")
    os.system("git commit -qam again")
    return run(progress=False).exit_code

def held():
    gc.collect()
    me = psutil.Process()
    return threading.active_count(), me.num_fds(), len(me.children(recursive=True)), me.memory_info().rss

codes = [again() for _ in range(3)]
before = held()
codes += [again() for _ in range(10)]
after = held()
"""


@attrs.define
class Kernel:
    """A kernel and what its cells bring out."""

    manager: Any
    client: Any

    def start(self, code: str) -> str:
        return str(self.client.execute(code, allow_stdin=False))

    def messages(self, request: str, seconds: float = 60) -> Iterator[tuple[str, Any]]:
        """What a cell says until it has ended."""
        deadline = time.monotonic() + seconds
        while True:
            message = self.client.get_iopub_msg(timeout=max(deadline - time.monotonic(), 0.1))
            if message["parent_header"].get("msg_id") == request:
                yield message["msg_type"], message["content"]
                if message["content"].get("execution_state") == "idle":
                    return

    def run(self, code: str) -> list[tuple[str, Any]]:
        said = list(self.messages(self.start(code)))
        assert not [content["traceback"] for kind, content in said if kind == "error"]
        return said

    def value(self, code: str) -> str:
        """The text of what a cell returns."""
        said = dict(self.run(code))
        return str(said["execute_result"]["data"]["text/plain"])


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("kernel")
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder), startup_timeout=60)
    yield Kernel(manager, client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(started: Kernel, make_checkout: Make) -> tuple[Kernel, Checkout]:
    """The kernel, in a repository with six files to fix."""
    user = make_checkout(FILES)
    started.run(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{SETUP}\nos.chdir({str(user.root)!r})")
    return started, user


def drawn(said: list[tuple[str, Any]]) -> list[str]:
    kinds = ("display_data", "update_display_data")
    return [content["data"]["text/html"] for kind, content in said if kind in kinds]


@pytest.mark.parametrize(
    "code",
    [
        "_ = run()",
        "_ = await stomper_sdk.run_async('default', overrides={'test_validation.mode': 'none'})",
        "_ = stomper_sdk.start('default', overrides={'test_validation.mode': 'none'}).result()",
        "_ = await stomper_sdk.start('default', overrides={'test_validation.mode': 'none'})",
    ],
    ids=["run", "run_async", "start", "awaited"],
)
def test_one_display_is_updated_while_a_run_works(kernel: tuple[Kernel, Checkout], code: str) -> None:
    kernel, user = kernel
    said = kernel.run(code)
    assert [kind for kind, _ in said].count("display_data") == 1
    assert not [content for kind, content in said if kind == "stream"]
    assert "6 of 6 files  6 fixed, 0 left" in drawn(said)[-1]
    assert (len(user.subjects), user.leftovers()) == (7, [])
    assert kernel.value("stomper_sdk.last_result.exit_code") == "0"


INTERRUPTED = """
hanging = True

async def at_last(task):
    if hanging:
        await forever(task)
    (task.workspace / task.path).write_text("")

asked = dict(
    variants={"all": {}, "once": {"retry.max_attempts": 1}},
    agents={"builtin": at_last},
    overrides={"test_validation.mode": "none"},
)
"""


EXPERIMENT = """
def half(task):
    if task.path < "f3.py":
        (task.workspace / task.path).write_text("")

found = stomper_sdk.experiment(
    "default",
    variants={"all": {}, "half": {"agents.builtin": half}, "<script>": {"agents.builtin": half}},
    overrides={"test_validation.mode": "none", "retry.max_attempts": 1},
    watchers=[lambda progress: time.sleep(0.05)],
)
"""


def test_one_display_is_updated_while_an_experiment_works(kernel: tuple[Kernel, Checkout]) -> None:
    kernel, user = kernel
    said = kernel.run(EXPERIMENT)
    assert [kind for kind, _ in said].count("display_data") == 1
    assert not [content for kind, content in said if kind == "stream"]
    shown = drawn(said)
    assert any(
        re.search(r"^half +\d of \d runs?  \d of \d findings? fixed", text, re.MULTILINE) for text in shown
    )
    assert re.search(r">completed  (\d+) of \1 runs  [\d.]+ s<", shown[-1])
    assert "<script" not in "".join(shown)
    assert (user.subjects, user.leftovers()) == (["start"], [])
    assert not drawn(kernel.run(EXPERIMENT.replace("watchers=", "progress=False, watchers=")))


def test_an_interrupted_experiment_leaves_all_usable_and_goes_on(kernel: tuple[Kernel, Checkout]) -> None:
    kernel, user = kernel
    kernel.run(INTERRUPTED)
    request = kernel.start("stomper_sdk.experiment(**asked)")
    for _, content in kernel.messages(request):
        if "files at work" in content.get("data", {}).get("text/html", ""):
            kernel.manager.interrupt_kernel()
            break
    errors = [content["ename"] for kind, content in kernel.messages(request) if kind == "error"]
    assert errors == ["KeyboardInterrupt"]
    assert (user.subjects, user.status, user.leftovers()) == (["start"], "", [])
    assert kernel.value("stomper_sdk.Experiment.load('last').status") == "'cancelled'"
    kernel.run("hanging = False")
    resumed = "[it.total.fixed for it in stomper_sdk.experiment(resume='last', **asked).tables]"
    assert kernel.value(resumed) == "[6.0, 6.0]"
    assert user.leftovers() == []


def test_what_is_at_work_is_seen_and_hostile_names_are_harmless(kernel: tuple[Kernel, Checkout]) -> None:
    kernel, user = kernel
    user.commit({"<script>x.py": "import os\n"})
    request = kernel.start("_ = run(agents={'builtin': forever}, only=None)")
    shown: list[tuple[str, Any]] = []
    for kind, content in kernel.messages(request):
        shown.append((kind, content))
        if any("call_agent" in text for text in drawn(shown)):
            kernel.manager.interrupt_kernel()
            break
    ended = [*shown, *kernel.messages(request)]
    assert "&lt;script&gt;x.py  call_agent  attempt 1" in "".join(drawn(ended))
    assert "<script" not in "".join(drawn(ended))
    assert [content["ename"] for kind, content in ended if kind == "error"] == ["KeyboardInterrupt"]


def test_an_interrupt_gives_the_partial_result_and_leaves_all_usable(kernel: tuple[Kernel, Checkout]) -> None:
    kernel, user = kernel
    kernel.run(
        "def some(task):\n"
        "    if task.path == 'f0.py':\n"
        "        (task.workspace / task.path).write_text('')\n"
        "    else:\n"
        "        return forever(task)\n"
    )
    request = kernel.start("run(agents={'builtin': some})")
    for _, content in kernel.messages(request):
        if "1 of 6 files" in content.get("data", {}).get("text/html", ""):
            kernel.manager.interrupt_kernel()
            break
    errors = [content["ename"] for kind, content in kernel.messages(request) if kind == "error"]
    assert errors == ["KeyboardInterrupt"]
    assert kernel.value("(stomper_sdk.last_result.status, stomper_sdk.last_result.count('fixed'))") == (
        "('cancelled', 1)"
    )
    assert (len(user.subjects), user.status, user.leftovers()) == (2, "", [])
    assert kernel.value("run().exit_code") == "0"


def test_a_run_beside_is_looked_at_and_stopped(kernel: tuple[Kernel, Checkout]) -> None:
    kernel, user = kernel
    kernel.run("handle = stomper_sdk.start('default', agents={'builtin': forever})")
    kernel.run("while not handle.progress.working: time.sleep(0.01)")
    assert kernel.value("(handle.done, handle.progress.total)") == "(False, 6)"
    assert kernel.value("handle.cancel(); handle.result().status").endswith("'cancelled'")
    assert (user.subjects, user.status, user.leftovers()) == (["start"], "", [])
    said = kernel.run(REFUSED)
    assert "nonsense" in "".join(content["text"] for kind, content in said if kind == "stream")


def test_experiments_leave_no_thread_file_or_memory(kernel: tuple[Kernel, Checkout]) -> None:
    kernel, user = kernel
    kernel.run(AGAIN.partition("codes = ")[0])
    kernel.run(
        "def tried():\n"
        "    return stomper_sdk.experiment(\n"
        "        'default', variants={'a': {}, 'b': {'retry.max_attempts': 1}}, progress=False,\n"
        "        overrides={'test_validation.mode': 'none'},\n"
        "    ).tables[0].total.fixed\n"
    )
    kernel.run("fixed = [tried() for _ in range(2)]\nbefore = held()")
    kernel.run("fixed += [tried() for _ in range(5)]\nafter = held()")
    assert kernel.value("set(fixed)") == "{6.0}"
    assert kernel.value("after[0] <= before[0] + 2, after[1] <= before[1] + 2, after[2] == before[2]") == (
        "(True, True, True)"
    )
    assert kernel.value("after[3] < before[3] + 20_000_000") == "True"
    assert user.leftovers() == []


def test_ten_runs_leave_no_thread_file_or_memory(kernel: tuple[Kernel, Checkout]) -> None:
    kernel, _ = kernel
    kernel.run(AGAIN)
    assert kernel.value("set(codes)") == "{0}"
    # trio keeps threads that have worked for a while, as many as there was work for at a time.
    assert kernel.value("after[0] <= before[0] + 2, after[1] <= before[1] + 2, after[2] == before[2]") == (
        "(True, True, True)"
    )
    assert kernel.value("after[3] < before[3] + 20_000_000") == "True"
