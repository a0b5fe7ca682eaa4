"""opencode, by its stream of events."""

from __future__ import annotations

import json

from stomper_sdk.agents.base import AgentReply
from stomper_sdk.agents.presets.base import (
    Output,
    Preset,
    Said,
    amount,
    events,
    number,
    total,
    under,
    words_of,
)
from stomper_sdk.agents.presets.tool import tool_agent

__all__ = ["PRESET", "OpencodeAgent"]


def parse(output: Output) -> Said:
    """Tokens and cost are told by each step; the last one ends with the reason `stop`."""
    session = None
    text, error, reason = "", "", ""
    tokens_in = tokens_out = cached = status = None
    cost, steps = 0.0, 0
    for event in events(output.stdout):
        session, kind, part = (
            words_of(event.get("sessionID")) or session,
            event.get("type"),
            event.get("part"),
        )
        if kind == "text":
            text = words_of(under(part, "text"))
        elif kind == "step_finish":
            used = under(part, "tokens")
            read = (under(used, "input"), under(used, "cache", "read"), under(used, "cache", "write"))
            tokens_in = total(tokens_in, *map(number, read))
            cached = total(cached, number(under(used, "cache", "read")))
            tokens_out = total(tokens_out, number(under(used, "output")), number(under(used, "reasoning")))
            cost, steps = cost + (amount(under(part, "cost")) or 0.0), steps + 1
            reason = words_of(under(part, "reason"))
        elif kind == "error":
            told = under(event, "error", "data", "message") or under(event, "error", "name")
            error = words_of(told) or "it told of an error"
            status = number(under(event, "error", "data", "statusCode"))
        elif kind == "tool_use" and under(part, "state", "status") == "error" and not error:
            text = words_of(under(part, "state", "error")) or text
    reply = AgentReply(text, tokens_in, tokens_out, cost or None, steps or None, None, session, cached)
    finished = reason not in ("", "tool-calls")
    return Said(reply, finished, error, status)


_CONFIG = {
    "autoupdate": False,
    "share": "disabled",
    "snapshot": False,
    "permission": {"edit": "allow", "bash": "deny", "webfetch": "deny", "external_directory": "deny"},
}
_CUSTOM = {
    **_CONFIG,
    "enabled_providers": ["custom"],
    "small_model": "custom/{model}",
    "provider": {
        "custom": {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": "{base_url}", "apiKey": "{env:OPENAI_API_KEY}"},
            "models": {"{model}": {}},
        }
    },
}

PRESET = Preset(
    name="opencode",
    title="opencode",
    program="opencode",
    install="npm install -g opencode-ai",
    words=("run", "--format", "json", "--pure", "--title", "fix"),
    with_base_url=("--model", "custom/{model}"),
    environment={
        "OPENCODE_CONFIG_CONTENT": json.dumps(_CONFIG),
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_CLAUDE_CODE": "1",
        "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_DISABLE_PROJECT_CONFIG": "1",
        "OPENCODE_DISABLE_SHARE": "1",
    },
    base_url_environment={
        "OPENCODE_CONFIG_CONTENT": json.dumps(_CUSTOM),
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
    },
    keys=("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "OPENCODE_API_KEY", "OPENROUTER_API_KEY"),
    git_drops=("opencode",),
    withholds=(".env", ".opencode", "bunfig.toml", "opencode.json", "opencode.jsonc"),
    parse=parse,
)
OpencodeAgent = tool_agent(PRESET)
