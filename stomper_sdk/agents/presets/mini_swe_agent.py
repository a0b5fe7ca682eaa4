"""mini-swe-agent, by the trajectory that it writes."""

from __future__ import annotations

import json

from stomper_sdk.agents.base import AgentReply
from stomper_sdk.agents.presets.base import (
    Output,
    Preset,
    Said,
    amount,
    number,
    read_object,
    total,
    under,
    words_of,
)
from stomper_sdk.agents.presets.tool import tool_agent

__all__ = ["PRESET", "MiniSweAgent"]

_REPORT = "trajectory.json"


def parse(output: Output) -> Said:
    """Its exit status in the trajectory tells the truth; the program exits with 0 at every limit."""
    trajectory = read_object(output.report)
    info, messages = trajectory.get("info"), trajectory.get("messages")
    tokens_in = tokens_out = None
    model, text = None, ""
    for message in messages if isinstance(messages, list) else ():
        response = under(message, "extra", "response")
        tokens_in = total(tokens_in, number(under(response, "usage", "prompt_tokens")))
        tokens_out = total(tokens_out, number(under(response, "usage", "completion_tokens")))
        model = words_of(under(response, "model")) or model
        if under(message, "role") == "assistant":
            text = words_of(under(message, "content")) or text
    turns, cost = number(under(info, "model_stats", "api_calls")), under(info, "model_stats", "instance_cost")
    # A model without a known price costs nothing, by its count.
    reply = AgentReply(text, tokens_in, tokens_out, amount(cost) or None, turns, model)
    status = words_of(under(info, "exit_status"))
    if status == "Submitted":
        return Said(reply, finished=True)
    last = messages[-1] if isinstance(messages, list) and messages else None
    told = words_of(under(last, "extra", "exception_str"))
    return Said(reply, bool(status), ": ".join(filter(None, (status, told))))


#: One retry by the client, as Retry-After says, and none of whole conversations.
_CALLS = {"max_retries": 1, "timeout": 300}

PRESET = Preset(
    name="mini-swe-agent",
    title="mini-swe-agent",
    program="mini",
    install="uv tool install --with mcp mini-swe-agent",
    words=(
        *("-y", "--exit-immediately", "--agent-class", "default", "-o", f"{{home}}/{_REPORT}"),
        *("-c", "mini.yaml", "-c", "{prompt_file}"),
    ),
    version=("--help",),
    with_base_url=("--model", "openai/{model}"),
    prompt="file",
    prompt_file="prompt.yaml",
    prompt_text=lambda prompt: json.dumps({"run": {"task": prompt}, "model": {"model_kwargs": _CALLS}}),
    environment={
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "MSWEA_CONFIGURED": "true",
        "MSWEA_COST_TRACKING": "ignore_errors",
        "MSWEA_GLOBAL_CONFIG_DIR": "{home}/mini",
        "MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT": "1",
        "MSWEA_SILENT_STARTUP": "1",
        "_TYPER_STANDARD_TRACEBACK": "1",
    },
    base_url_environment={"OPENAI_API_BASE": "{base_url}", "OPENAI_BASE_URL": "{base_url}"},
    keys=("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"),
    report=_REPORT,
    withholds=("mini.yaml",),
    parse=parse,
)
MiniSweAgent = tool_agent(PRESET)
