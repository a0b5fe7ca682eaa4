"""The real tools, and what a model says to have each fix a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import attrs

from tests.model_server import Call, Reply, Request, by_turn

__all__ = ["FILE", "TOOLS", "Tool"]

FILE = "bad.py"
SED = f"sed -i '/^import os$/,+2d' {FILE}"
FOUND = "import os\n\n\n"
DONE = "Removed the unused import."


@attrs.frozen
class Tool:
    """A tool, and how it is asked and answered.

    Attributes:
        name: of its preset.
        model: a model that it knows.
        key: the variable that holds its key.
        path: what follows the server's address in its `base_url`.
        fix: the model's side of fixing the file.
        escape: the call that writes a file elsewhere, by its path; None where nothing keeps it from that.
        shell: the call that runs `sleep`, where the tool may run programs; None where it may not.
        patience: seconds after which it is surely at work, and is taken to hang.
        used_up: the error of an endpoint whose quota is used up, as this tool tells it from a rate limit.
    """

    name: str
    model: str
    key: str
    path: str
    fix: Callable[[Request], Reply]
    escape: Callable[[str], Call] | None = None
    shell: Call | None = None
    patience: float = 12.0
    used_up: Reply = Reply(
        status=429,
        message="You exceeded your current quota, please check your plan and billing details.",
        kind="insufficient_quota",
    )


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
            "claude-opus-4-8",
            "ANTHROPIC_API_KEY",
            "",
            _in_folder(
                lambda path: _calling("Read", file_path=path),
                lambda path: _calling("Edit", file_path=path, old_string=FOUND, new_string=""),
                lambda _: Reply(DONE),
            ),
            escape=lambda path: Call("Write", {"file_path": path, "content": "x"}),
        ),
        Tool(
            "codex",
            "gpt-5.5",
            "OPENAI_API_KEY",
            "/v1",
            by_turn(_calling("exec_command", cmd=SED), Reply(DONE)),
            escape=lambda path: Call("exec_command", {"cmd": f"touch {path}"}),
            shell=Call("exec_command", {"cmd": "sleep 301"}),
            used_up=Reply(status=429, message="The usage limit has been reached", kind="usage_limit_reached"),
        ),
        Tool(
            "mini-swe-agent",
            "gpt-4o",
            "OPENAI_API_KEY",
            "/v1",
            by_turn(_calling("bash", command=SED), _calling("bash", command=_SUBMIT)),
            shell=Call("bash", {"command": "sleep 301"}),
            patience=30,
        ),
        Tool(
            "aider",
            "gpt-4o",
            "OPENAI_API_KEY",
            "/v1",
            by_turn(Reply(_BLOCK)),
            patience=30,
        ),
        Tool(
            "opencode",
            "m1",
            "OPENAI_API_KEY",
            "/v1",
            _in_folder(
                lambda path: _calling("read", filePath=path),
                lambda path: _calling("edit", filePath=path, oldString=FOUND, newString=""),
                lambda _: Reply(DONE),
            ),
            escape=lambda path: Call("write", {"filePath": path, "content": "x"}),
            patience=30,
        ),
        Tool(
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
            escape=lambda path: Call("write_file", {"file_path": path, "content": "x"}),
        ),
    )
}
