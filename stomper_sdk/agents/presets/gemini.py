"""Gemini CLI, Google's command line agent, by its stream of events."""

from __future__ import annotations

import json

from stomper_sdk.agents.base import AgentReply
from stomper_sdk.agents.presets.base import (
    Output,
    Preset,
    Said,
    events,
    number,
    read_object,
    under,
    words_of,
)
from stomper_sdk.agents.presets.tool import tool_agent

__all__ = ["PRESET", "GeminiAgent"]


def parse(output: Output) -> Said:
    """The event `result` is its last word; what keeps it from starting stands at the end of stderr."""
    session = model = None
    text, error, finished, turns = "", "", False, 0
    tokens_in = tokens_out = cached = status = None
    for event in events(output.stdout):
        kind = event.get("type")
        if kind == "init":
            session = words_of(event.get("session_id")) or None
            model = words_of(event.get("model")) or None
        elif kind == "message" and event.get("role") == "assistant":
            text += words_of(event.get("content"))
        elif kind == "tool_use":
            text, turns = "", turns + 1
        elif kind == "error":
            error = words_of(event.get("message")) if event.get("severity") != "warning" else error
        elif kind == "result":
            finished = True
            tokens_in = number(under(event, "stats", "input_tokens"))
            cached = number(under(event, "stats", "cached"))
            tokens_out = number(under(event, "stats", "output_tokens"))
            if event.get("status") != "success":
                error = words_of(under(event, "error", "message")) or error or "it ended with an error"
    if not finished and "{" in output.stderr:
        told = read_object(output.stderr[output.stderr.rfind("\n{") + 1 :])
        error = words_of(under(told, "error", "message")) or error
        status = number(under(told, "error", "code"))
    turns = turns + 1 if text else turns
    reply = AgentReply(text, tokens_in, tokens_out, None, turns or None, model, session, cached)
    return Said(reply, finished, error, status if status is not None and status >= 400 else None)


_SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False, "maxAttempts": 2},
    "hooksConfig": {"enabled": False},
}

PRESET = Preset(
    name="gemini",
    title="Gemini CLI",
    program="gemini",
    install="npm install -g @google/gemini-cli",
    words=("-o", "stream-json"),
    free=("--approval-mode", "auto_edit"),
    confined=("--approval-mode", "yolo"),
    with_base_url=("--model", "{model}"),
    environment={
        "GEMINI_CLI_NO_RELAUNCH": "true",
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    },
    base_url_environment={"GOOGLE_GEMINI_BASE_URL": "{base_url}"},
    hosts=("generativelanguage.googleapis.com:443",),
    keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    home={".gemini/settings.json": json.dumps(_SETTINGS)},
    withholds=(".env", ".gemini"),
    parse=parse,
)
GeminiAgent = tool_agent(PRESET)
