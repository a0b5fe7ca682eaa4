"""The real tools: how each is installed, at which version, and what a model says to have it fix a file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from tests.model_server import Call, Reply, Request, by_turn

__all__ = ["TOOLS", "Tool", "install", "installed", "tools_folder"]

FILE = "bad.py"
SED = f"sed -i '/^import os$/,+2d' {FILE}"
FOUND = "import os\n\n\n"
DONE = "Removed the unused import."


@attrs.frozen
class Tool:
    """A tool with its package.

    Attributes:
        name: of its preset.
        package: as its registry names it, with the version.
        program: where it is in the folder that it is installed in.
        model: a model that it knows.
        key: the variable that holds its key.
        path: what follows the server's address in its `base_url`.
        fix: the model's side of fixing the file.
        shell: the call that runs `sleep`, where the tool may run programs; None where it may not.
        with_packages: what must be installed beside it.
    """

    name: str
    package: str
    program: str
    model: str
    key: str
    path: str
    fix: Callable[[Request], Reply]
    shell: Call | None = None
    with_packages: tuple[str, ...] = ()


def _in_folder(*replies: Callable[[str], Reply]) -> Callable[[Request], Reply]:
    """Replies that name the file by the folder in which the tool says that it works."""

    def decide(request: Request) -> Reply:
        found = re.search(r"(?i)working director(?:y|ies)[^/\n]{0,40}\n?[ -]*(/[^\s`<]+)", request.said)
        folder = found[1].rstrip(".") if found else "."
        return by_turn(*(reply(f"{folder}/{FILE}") for reply in replies))(request)

    return decide


def _calling(tool: str, **arguments: str) -> Reply:
    return Reply("Working.", (Call(tool, arguments),))


_SUBMIT = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
_LINE = "def add(a, b):\n"
_BLOCK = f"{FILE}\n```python\n<<<<<<< SEARCH\n{FOUND}{_LINE}=======\n{_LINE}>>>>>>> REPLACE\n```\n"

TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "claude-code",
            "@anthropic-ai/claude-code@2.1.197",
            "claude",
            "claude-opus-4-8",
            "ANTHROPIC_API_KEY",
            "",
            _in_folder(
                lambda path: _calling("Read", file_path=path),
                lambda path: _calling("Edit", file_path=path, old_string=FOUND, new_string=""),
                lambda _: Reply(DONE),
            ),
        ),
        Tool(
            "codex",
            "@openai/codex@0.169.0",
            "codex",
            "gpt-5.5",
            "OPENAI_API_KEY",
            "/v1",
            by_turn(_calling("exec_command", cmd=SED), Reply(DONE)),
            shell=Call("exec_command", {"cmd": "sleep 301"}),
        ),
        Tool(
            "mini-swe-agent",
            "mini-swe-agent==2.4.6",
            "mini",
            "gpt-4o",
            "OPENAI_API_KEY",
            "/v1",
            by_turn(_calling("bash", command=SED), _calling("bash", command=_SUBMIT)),
            shell=Call("bash", {"command": "sleep 301"}),
            with_packages=("mcp",),
        ),
        Tool(
            "aider",
            "aider-chat==0.86.2",
            "aider",
            "gpt-4o",
            "OPENAI_API_KEY",
            "/v1",
            by_turn(Reply(_BLOCK)),
        ),
        Tool(
            "opencode",
            "opencode-ai@1.18.33",
            "opencode",
            "m1",
            "OPENAI_API_KEY",
            "/v1",
            _in_folder(
                lambda path: _calling("read", filePath=path),
                lambda path: _calling("edit", filePath=path, oldString=FOUND, newString=""),
                lambda _: Reply(DONE),
            ),
        ),
        Tool(
            "gemini",
            "@google/gemini-cli@0.61.0",
            "gemini",
            "gemini-2.5-flash",
            "GEMINI_API_KEY",
            "",
            _in_folder(
                lambda path: _calling("read_file", file_path=path),
                lambda path: _calling(
                    "replace", file_path=path, old_string=FOUND, new_string="", instruction="remove it"
                ),
                lambda _: Reply(DONE),
            ),
        ),
    )
}


def tools_folder() -> Path:
    """Where the tools are, of each version one: `STOMPER_TEST_TOOLS`, else a folder of the user's cache."""
    given = os.environ.get("STOMPER_TEST_TOOLS")
    return Path(given) if given else Path.home() / ".cache" / "stomper-sdk-tests"


def installed(tool: Tool, folder: Path) -> Path | None:
    """The folder in which a tool's program is, None where it is not installed."""
    place = _place(tool, folder)
    bin_folder = place / ("bin" if "==" in tool.package else "node_modules/.bin")
    return bin_folder if (place / ".installed").exists() else None


def install(tool: Tool, folder: Path) -> None:
    """Install a tool at its version, unless it is there; what is cut short is not taken for it.

    Raises:
        subprocess.CalledProcessError: the registry, or what it gave, did not work.
    """
    place = _place(tool, folder)
    if (place / ".installed").exists():
        return
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if "==" in tool.package:
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        pip = [place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, tool.package, *tool.with_packages], check=True)
    else:
        npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", place]
        subprocess.run([*npm, tool.package], check=True, cwd=tempfile.gettempdir())
    (place / ".installed").touch()


def _place(tool: Tool, folder: Path) -> Path:
    version = re.split("==|@", tool.package)[-1]
    return folder / f"{tool.name}-{version}"
