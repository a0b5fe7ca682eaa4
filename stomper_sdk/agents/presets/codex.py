"""Codex, OpenAI's command line agent, by its stream of events."""

from __future__ import annotations

from stomper_sdk.agents.base import AgentReply
from stomper_sdk.agents.presets.base import Output, Preset, Said, events, number, under, words_of
from stomper_sdk.agents.presets.tool import tool_agent

__all__ = ["PRESET", "CodexAgent"]


def parse(output: Output) -> Said:
    """Its usage is the sum over all requests; what an item calls an error is only a warning.

    It does not tell its turns: they are what it did one after the other, and the last word.
    """
    session, text, error, tokens_in, tokens_out, cached = None, "", "", None, None, None
    finished, turns = False, 0
    for event in events(output.stdout):
        kind = event.get("type")
        if kind == "thread.started":
            session = words_of(event.get("thread_id")) or None
        elif kind == "item.completed":
            what = under(event, "item", "type")
            turns += what not in ("agent_message", "error", "reasoning")
            if what == "agent_message":
                text = words_of(under(event, "item", "text"))
        elif kind == "turn.completed":
            finished, error, turns = True, "", turns + 1
            tokens_in = number(under(event, "usage", "input_tokens"))
            cached = number(under(event, "usage", "cached_input_tokens"))
            tokens_out = number(under(event, "usage", "output_tokens"))
        elif kind == "error":
            error = words_of(event.get("message")) or error
        elif kind == "turn.failed":
            finished, error = True, words_of(under(event, "error", "message")) or error or "its turn failed"
    reply = AgentReply(text, tokens_in, tokens_out, None, turns or None, None, session, cached)
    return Said(reply, finished, error)


_ENDPOINT = (
    'model_providers.custom={name="custom",base_url="{base_url}",env_key="OPENAI_API_KEY",'
    'wire_api="responses",request_max_retries=1,stream_max_retries=1,stream_idle_timeout_ms=300000}'
)

PRESET = Preset(
    name="codex",
    title="Codex CLI",
    program="codex",
    install="npm install -g @openai/codex",
    words=(
        *("exec", "--json", "--ephemeral", "--skip-git-repo-check", "--color", "never"),
        *("-c", "check_for_update_on_startup=false", "-c", "analytics.enabled=false"),
        *("-c", "feedback.enabled=false"),
    ),
    free=(
        *("-s", "workspace-write", "-c", "sandbox_workspace_write.exclude_slash_tmp=true"),
        *("-c", "sandbox_workspace_write.exclude_tmpdir_env_var=true"),
    ),
    confined=("--dangerously-bypass-approvals-and-sandbox",),
    with_base_url=("--model", "{model}", "-c", 'model_provider="custom"', "-c", _ENDPOINT),
    last=("-",),
    environment={"CODEX_HOME": "{home}/.codex"},
    hosts=("api.openai.com:443",),
    keys=("CODEX_API_KEY", "OPENAI_API_KEY"),
    aliases={"CODEX_API_KEY": "OPENAI_API_KEY"},
    home={".codex/config.toml": ""},
    parse=parse,
)
CodexAgent = tool_agent(PRESET)
