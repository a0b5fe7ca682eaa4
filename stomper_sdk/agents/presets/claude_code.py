"""Claude Code, Anthropic's command line agent, by its stream of events."""

from __future__ import annotations

import signal

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

__all__ = ["PRESET", "ClaudeCodeAgent"]


def parse(output: Output) -> Said:
    """The last event, `result`, has everything; without it, each message's own usage is counted."""
    session = model = None
    messages: dict[str, tuple[int | None, int | None]] = {}
    result = None
    for event in events(output.stdout):
        session = words_of(event.get("session_id")) or session
        model = words_of(event.get("model")) or model
        message = event.get("message")
        if event.get("type") == "assistant" and isinstance(message, dict):
            messages[words_of(message.get("id"))] = _tokens(message.get("usage"))
        if event.get("type") == "result":
            result = event
    if result is None:
        tokens_in = total(*(used for used, _ in messages.values()))
        tokens_out = total(*(used for _, used in messages.values()))
        reply = AgentReply("", tokens_in, tokens_out, None, len(messages) or None, model, session)
        return Said(reply)
    text, (tokens_in, tokens_out) = words_of(result.get("result")), _tokens(result.get("usage"))
    # It has a price for any name, also for models of others.
    cost = amount(result.get("total_cost_usd")) if (model or "").startswith("claude-") else None
    turns, cached = number(result.get("num_turns")), number(under(result, "usage", "cache_read_input_tokens"))
    reply = AgentReply(text, tokens_in, tokens_out, cost, turns, model, session, cached)
    status = number(result.get("api_error_status"))
    kind = words_of(result.get("subtype"))
    if result.get("is_error") or kind != "success":
        return Said(
            reply, True, " ".join(filter(None, (kind if kind != "success" else "", text))) or kind, status
        )
    return Said(reply, finished=True)


def _tokens(usage: object) -> tuple[int | None, int | None]:
    read = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return total(*(number(under(usage, key)) for key in read)), number(under(usage, "output_tokens"))


PRESET = Preset(
    name="claude-code",
    title="Claude Code",
    program="claude",
    install="npm install -g @anthropic-ai/claude-code",
    words=(
        *("-p", "--output-format", "stream-json", "--verbose", "--no-session-persistence"),
        # Nothing that a repository says can start a program or a server, or widen what is allowed.
        *("--safe-mode", "--strict-mcp-config", "--setting-sources", ""),
    ),
    free=("--tools", "Read,Edit,Write", "--permission-mode", "acceptEdits"),
    confined=("--tools", "Read,Edit,Write,Bash", "--permission-mode", "bypassPermissions"),
    with_base_url=("--model", "{model}"),
    environment={
        "API_TIMEOUT_MS": "300000",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_TELEMETRY": "1",
    },
    # Without it, it refuses to bypass permissions as root.
    confined_environment={"IS_SANDBOX": "1"},
    base_url_environment={"ANTHROPIC_BASE_URL": "{base_url}"},
    hosts=("api.anthropic.com:443",),
    keys=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
    ending=signal.SIGINT,
    parse=parse,
)
ClaudeCodeAgent = tool_agent(PRESET)
