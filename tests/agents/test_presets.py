"""The agent that runs a coding-agent tool: what it gives the tool, and what it makes of what comes back."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from stomper_sdk.agents.base import AGENTS, AgentReply, AgentTask
from stomper_sdk.agents.presets.table import PRESETS
from stomper_sdk.agents.presets.tool import ToolAgent
from stomper_sdk.errors import AgentError, MachineError, PipelineError
from stomper_sdk.model.pipeline import SandboxSpec
from stomper_sdk.options import build
from stomper_sdk.process import CommandLimit, Completed, clean_environment
from stomper_sdk.sandbox import find_sandbox
from stomper_sdk.testing import git, make_repository

MakeTask = Callable[..., AgentTask]
STREAMS = Path(__file__).with_name("streams")
#: A stand-in for any tool: writes down what it was given, does what it is told, and prints what it is given.
STUB = """#!{python}
import json, os, pathlib, sys
home = pathlib.Path(os.environ["HOME"])
files = {{str(path.relative_to(home)): path.read_text() for path in home.rglob("*") if path.is_file()}}
stdin = "" if sys.stdin.isatty() else sys.stdin.read()
told = {{"argv": sys.argv[1:], "env": dict(os.environ), "stdin": stdin, "home": files, "cwd": os.getcwd()}}
pathlib.Path("{record}").write_text(json.dumps(told))
exec(pathlib.Path("{does}").read_text())
"""


@attrs.frozen
class Stub:
    """A program of a tool's name, and what it was given when it was last run."""

    folder: Path
    task: AgentTask

    @property
    def told(self) -> Mapping[str, Any]:
        told: Mapping[str, Any] = json.loads((self.folder / "record.json").read_text())
        return told

    async def run(self, agent: ToolAgent, does: str = "", **fields: object) -> AgentReply | None:
        """Run it with a last word of the tool, so that it comes to a good end; `does` comes first."""
        for name in ("fixed.out", "fixed.err"):
            path = STREAMS / f"{agent.preset.name}-{name}"
            stream = "stdout" if name.endswith("out") else "stderr"
            if path.exists():
                does += f"\nsys.{stream}.write(pathlib.Path({str(path)!r}).read_text())"
        report = STREAMS / f"{agent.preset.name}-fixed.report"
        if report.exists():
            target = agent.preset.report
            does += f"\n(home / {target!r}).write_text(pathlib.Path({str(report)!r}).read_text())"
        (self.folder / "does.py").write_text(does)
        return await agent.edit(attrs.evolve(self.task, **fields))


@pytest.fixture
def make_stub(make_task: MakeTask, tmp_path: Path) -> Callable[[str], Stub]:
    def make(name: str) -> Stub:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / PRESETS[name].program
        text = STUB.format(python=sys.executable, record=folder / "record.json", does=folder / "does.py")
        program.write_text(text)
        program.chmod(0o755)
        environment = {**clean_environment(), "PATH": f"{folder}:{os.environ['PATH']}"}
        return Stub(folder, make_task(environment=environment))

    return make


def agent_of(use: str, **options: object) -> ToolAgent:
    made = build(AGENTS.get(use), "mine", options, "agents.mine")
    assert isinstance(made, ToolAgent)
    return made


every = pytest.mark.parametrize("name", sorted(PRESETS))


@every
async def test_each_tool_gets_the_prompt_and_its_last_word_is_a_reply(
    name: str, make_stub: Callable[[str], Stub]
) -> None:
    stub = make_stub(name)
    reply = await stub.run(agent_of(name, model="m-1"), prompt="Fix é in a.py.")
    assert reply is not None
    assert reply.text
    told = stub.told
    given = [told["stdin"], *told["argv"], *told["home"].values()]
    assert any("Fix é in a.py." in text or "Fix \\u00e9 in a.py." in text for text in given)
    assert Path(told["cwd"]) == stub.task.workspace.resolve()
    assert "m-1" in told["argv"]
    assert not any("{" + word + "}" in text for text in told["argv"] for word in ("home", "model", "file"))


@every
async def test_each_job_has_a_home_that_is_not_the_users_and_gone_afterwards(
    name: str, make_stub: Callable[[str], Stub], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes = tmp_path / "homes"
    homes.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(homes))
    stub = make_stub(name)
    await stub.run(agent_of(name), "(home / 'left').write_text('x'); os.chmod(home, 0o500)")
    env = stub.told["env"]
    assert Path(env["HOME"]).parent == homes
    places = ("TMPDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
    assert all(env[place].startswith(env["HOME"]) for place in places)
    assert not list(homes.iterdir())


@every
async def test_each_tool_gets_its_own_keys_and_no_other_secret(
    name: str, make_stub: Callable[[str], Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = PRESETS[name]
    for key in preset.keys:
        monkeypatch.setenv(key, f"value of {key}")
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter22")
    monkeypatch.setenv("MY_TOKEN", "mine-12345")
    stub = make_stub(name)
    await stub.run(agent_of(name, env=["MY_TOKEN"]))
    env = stub.told["env"]
    assert preset.keys
    assert all(env[key] == f"value of {key}" for key in preset.keys)
    assert "DATABASE_PASSWORD" not in env
    assert env["MY_TOKEN"] == "mine-12345"


async def test_a_key_that_a_tool_knows_by_another_name_is_given_by_that(
    make_stub: Callable[[str], Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "one")
    stub = make_stub("codex")
    await stub.run(agent_of("codex"))
    assert stub.told["env"]["CODEX_API_KEY"] == "one"
    await stub.run(agent_of("codex", env={"CODEX_API_KEY": "two"}))
    assert stub.told["env"]["CODEX_API_KEY"] == "two"


async def test_the_pipelines_arguments_and_variables_come_last(
    make_stub: Callable[[str], Stub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IS_SANDBOX", raising=False)
    stub = make_stub("claude-code")
    await stub.run(agent_of("claude-code", args=["--max-turns", "9"], env={"API_TIMEOUT_MS": "5"}))
    assert stub.told["argv"][-2:] == ["--max-turns", "9"]
    assert "IS_SANDBOX" not in stub.told["env"]
    assert stub.told["env"]["API_TIMEOUT_MS"] == "5"


@pytest.mark.parametrize("name", sorted(set(PRESETS) - {"cursor"}))
async def test_an_endpoint_reaches_the_tool_with_its_model(
    name: str, make_stub: Callable[[str], Stub]
) -> None:
    stub = make_stub(name)
    await stub.run(agent_of(name, model="m-1", base_url="http://127.0.0.1:9/v1"))
    given = "\n".join([*stub.told["argv"], *stub.told["env"].values()])
    assert "http://127.0.0.1:9/v1" in given
    assert "m-1" in given


@pytest.mark.parametrize(
    ("use", "options", "said"),
    [
        ("cursor", {"model": "m", "base_url": "http://x"}, "takes no endpoint"),
        ("codex", {"base_url": "http://x"}, "give `model` too"),
        ("codex", {"model": 'm", evil="'}, "without blanks, quotes and braces"),
        ("codex", {"model": "--yolo"}, "does not begin with a dash"),
    ],
)
def test_options_that_cannot_work_are_refused(use: str, options: dict[str, object], said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        agent_of(use, **options)


@every
async def test_a_prompt_longer_than_an_argument_is_given_whole_or_refused(
    name: str, make_stub: Callable[[str], Stub]
) -> None:
    stub, prompt = make_stub(name), "x" * 200_000
    if PRESETS[name].prompt == "argument":
        with pytest.raises(AgentError, match="200000 bytes is longer"):
            await stub.run(agent_of(name), prompt=prompt)
        return
    await stub.run(agent_of(name), prompt=prompt)
    assert prompt in "\n".join([stub.told["stdin"], *stub.told["home"].values()])


@every
async def test_exit_code_0_without_a_last_word_is_a_failure(
    name: str, make_stub: Callable[[str], Stub]
) -> None:
    with pytest.raises(AgentError) as caught:
        await make_stub(name).run(agent_of(name), "print('hello'); sys.exit(0)")
    assert caught.value.failure == "error"
    assert "ended without its last word: hello" in caught.value.message


@every
async def test_a_last_word_with_another_exit_code_is_a_failure(
    name: str, make_stub: Callable[[str], Stub]
) -> None:
    with pytest.raises(AgentError, match="exited with 3") as caught:
        await make_stub(name).run(agent_of(name), "import atexit; atexit.register(lambda: os._exit(3))")
    assert caught.value.reply.text


@every
async def test_a_tool_that_hangs_is_ended_and_what_it_said_is_kept(
    name: str, make_stub: Callable[[str], Stub]
) -> None:
    last = "import time, atexit; atexit.register(lambda: (sys.stdout.flush(), time.sleep(60)))"
    with pytest.raises(AgentError, match=f"{PRESETS[name].program} was ended at its time limit") as caught:
        await make_stub(name).run(agent_of(name, timeout=1.5), last)
    assert caught.value.failure == "timeout"
    if name != "mini-swe-agent":
        assert caught.value.reply.text


async def test_a_tool_is_asked_to_end_by_the_signal_that_it_answers(
    make_stub: Callable[[str], Stub], tmp_path: Path
) -> None:
    does = f"""
import signal, time
def ended(number, frame):
    pathlib.Path({str(tmp_path / "signal")!r}).write_text(signal.Signals(number).name)
    os._exit(0)
signal.signal(signal.SIGINT, ended); signal.signal(signal.SIGTERM, ended)
time.sleep(60)
"""
    for name, signal in (("claude-code", "SIGINT"), ("codex", "SIGTERM")):
        with pytest.raises(AgentError):
            await make_stub(name).run(agent_of(name, timeout=1), does)
        assert (tmp_path / "signal").read_text() == signal


@every
async def test_a_tool_that_is_missing_is_said_with_how_to_install_it(
    name: str, make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AgentError, match=f"{PRESETS[name].program}' is missing") as caught:
        await agent_of(name).edit(make_task())
    assert caught.value.hint == f"Install it: {PRESETS[name].install}"


async def test_what_a_tool_drops_is_taken_away_and_what_was_there_stays(
    make_stub: Callable[[str], Stub],
) -> None:
    stub = make_stub("aider")
    (stub.task.workspace / ".aider.conf.yml").write_text("mine")
    await stub.run(
        agent_of("aider"),
        "pathlib.Path('.aider.chat.history.md').write_text(''); os.makedirs('.aider.tags.cache.v4/x')",
    )
    left = sorted(path.name for path in stub.task.workspace.iterdir())
    assert left == [".aider.conf.yml", "a.py"]


async def test_what_a_tool_drops_in_the_repositorys_own_folder_is_taken_away(
    make_stub: Callable[[str], Stub], tmp_path: Path
) -> None:
    root = make_repository(tmp_path / "repo", {"a.py": "import os\n"})
    git(root, "worktree", "add", "--detach", "--quiet", str(tmp_path / "tree"))
    stub, agent = make_stub("opencode"), agent_of("opencode")
    drop = f"pathlib.Path({str(root / '.git' / 'opencode')!r}).write_text('id')"
    await stub.run(agent, drop, workspace=tmp_path / "tree")
    assert not (root / ".git" / "opencode").exists()
    (root / ".git" / "opencode").write_text("the user's own")
    await stub.run(agent_of("opencode"), "", workspace=tmp_path / "tree")
    assert (root / ".git" / "opencode").read_text() == "the user's own"


@every
async def test_what_a_repository_tells_a_tool_to_do_is_not_there_while_it_works(
    name: str, make_stub: Callable[[str], Stub], tmp_path: Path
) -> None:
    preset, stub = PRESETS[name], make_stub(name)
    files = {other: f"of {other}" for other in preset.withholds} | {"a.py": "import os\n"}
    root = make_repository(tmp_path / "repo", files)
    git(root, "worktree", "add", "--detach", "--quiet", str(tmp_path / "tree"))
    tree, seen = tmp_path / "tree", stub.folder / "seen"
    look = f"pathlib.Path({str(seen)!r}).write_text(' '.join(os.listdir('.')))"
    await stub.run(agent_of(name), look, workspace=tree)
    assert not set(preset.withholds) & set(seen.read_text().split())
    put = [f"os.makedirs({other + '/x'!r})" for other in preset.withholds]
    with pytest.raises(AgentError):
        await stub.run(agent_of(name), "; ".join([*put, "sys.exit(1)"]), workspace=tree)
    assert git(tree, "status", "--porcelain") == ""
    for other in preset.withholds:
        with pytest.raises(AgentError, match="tell the tool itself what to do"):
            await stub.run(agent_of(name), workspace=tree, path=f"{other}/a.ts")


async def test_a_folder_that_is_no_worktree_is_left_as_it_is(make_stub: Callable[[str], Stub]) -> None:
    stub = make_stub("aider")
    (stub.task.workspace / ".env").write_text("mine")
    look = f"pathlib.Path({str(stub.folder / 'seen')!r}).write_text(pathlib.Path('.env').read_text())"
    await stub.run(agent_of("aider"), look)
    assert (stub.folder / "seen").read_text() == "mine"


@pytest.mark.parametrize("kind", ["bubblewrap", "landlock"])
@every
async def test_inside_a_sandbox_the_home_is_there_and_the_tools_own_limits_are_lifted(
    name: str, kind: str, make_stub: Callable[[str], Stub], tmp_path: Path
) -> None:
    try:
        sandbox = await find_sandbox(SandboxSpec(kind=kind), tmp_path)
    except MachineError as error:
        pytest.skip(str(error))
    assert sandbox is not None
    stub = make_stub(name)
    (stub.folder / "record.json").write_text("")
    cell = sandbox.around(stub.task.workspace, stub.folder / "record.json")
    cell = cell.showing(stub.folder).showing(STREAMS)
    await stub.run(agent_of(name), "(home / 'new').write_text('')", confinement=cell)
    preset, told = PRESETS[name], stub.told
    assert "stomper-home-" in told["env"]["HOME"]
    assert set(preset.home) <= set(told["home"])
    assert set(preset.confined) <= set(told["argv"])
    assert preset.confined_environment.items() <= told["env"].items()
    assert not (set(preset.free) - {*preset.confined, *preset.words}) & set(told["argv"])


@pytest.mark.parametrize(
    ("use", "options", "hosts"),
    [
        ("claude-code", {}, ("api.anthropic.com:443",)),
        ("codex", {}, ("api.openai.com:443",)),
        ("gemini", {}, ("generativelanguage.googleapis.com:443",)),
        ("aider", {}, ()),
        ("claude-code", {"model": "m", "base_url": "http://127.0.0.1:8000/v1"}, ("127.0.0.1:8000",)),
        ("aider", {"model": "m", "base_url": "http://[::1]/v1"}, ("[::1]:80",)),
        ("codex", {"model": "m", "base_url": "https://models.example.org"}, ("models.example.org:443",)),
        ("aider", {"model": "m", "base_url": "models.example.org:99999"}, ()),
    ],
)
def test_where_its_model_is_a_tool_tells_as_far_as_it_knows(
    use: str, options: dict[str, object], hosts: tuple[str, ...]
) -> None:
    assert agent_of(use, **options).hosts == hosts


@every
async def test_a_limit_of_the_sandbox_is_no_timeout(name: str, make_stub: Callable[[str], Stub]) -> None:
    def limited(*_: object, **__: object) -> None:
        raise CommandLimit("x was ended: more than 2G of memory", Completed(("x",), -9, b"", b"", 1.0))

    stub = make_stub(name)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(AgentError, match="more than 2G") as caught:
        patch.setattr("stomper_sdk.agents.presets.tool.run_command", limited)
        await stub.run(agent_of(name))
    assert caught.value.failure == "error"
