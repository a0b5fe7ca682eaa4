"""Cursor's command line agent, by its stream of events; as documented, since its protocol is private."""

from __future__ import annotations

from stomper_sdk.agents.base import AgentReply
from stomper_sdk.agents.presets.base import Output, Preset, Said, events, number, total, under, words_of
from stomper_sdk.agents.presets.tool import tool_agent

__all__ = ["PRESET", "CursorAgent"]


def parse(output: Output) -> Said:
    """The event `result` is its last word; recent builds tell the tokens in it."""
    session = model = None
    turns = 0
    for event in events(output.stdout):
        session = words_of(event.get("session_id")) or session
        model = words_of(event.get("model")) or model
        kind = event.get("type")
        turns += kind == "assistant"
        if kind == "result":
            text, used = words_of(event.get("result")), event.get("usage")
            read = (
                under(used, "inputTokens"),
                under(used, "cacheReadTokens"),
                under(used, "cacheWriteTokens"),
            )
            tokens_in = total(*map(number, read))
            tokens_out, cached = number(under(used, "outputTokens")), number(under(used, "cacheReadTokens"))
            reply = AgentReply(text, tokens_in, tokens_out, None, turns or None, model, session, cached)
            failed = bool(event.get("is_error")) or event.get("subtype") != "success"
            return Said(reply, True, (text or "it ended with an error") if failed else "")
    return Said(AgentReply("", None, None, None, turns or None, model, session))


PRESET = Preset(
    name="cursor",
    title="Cursor CLI",
    program="cursor-agent",
    install="https://cursor.com/cli",
    words=("-p", "--trust", "--force", "--output-format", "stream-json"),
    free=("--sandbox", "enabled"),
    confined=("--sandbox", "disabled"),
    prompt="argument",
    keys=("CURSOR_API_KEY",),
    withholds=(".cursor",),
    parse=parse,
)
CursorAgent = tool_agent(PRESET)
