"""aider, by the lines that it prints: it has no events, and exits with 0 whatever happens."""

from __future__ import annotations

import re

from stomper_sdk.agents.base import AgentReply
from stomper_sdk.agents.presets.base import Output, Preset, Said, amount, total
from stomper_sdk.agents.presets.tool import tool_agent

__all__ = ["PRESET", "AiderAgent"]

_TOKENS = re.compile(
    r"^Tokens: (?P<sent>[\d.]+)(?P<sent_unit>[kM]?) sent,"
    r"(?: [^,\n]{1,40}(?:write|hit),)* (?P<received>[\d.]+)(?P<received_unit>[kM]?) received\."
    r"(?: Cost: \$[\d.]+ message, \$(?P<cost>[\d.]+) session\.)?",
    re.MULTILINE,
)
_MODEL = re.compile(r"^(?:Main model|Model): (\S{1,200})", re.MULTILINE)
# Its messages are broken into lines of 79 columns.
_ERROR = re.compile(
    r"^(?:litellm\.\w+|Unable to|The LLM did not conform|Only \d+ reflections allowed"
    r"|Model .{1,80} has hit a token limit).*(?:\n(?!litellm|Retrying|The API|http|\n).+){0,12}",
    re.MULTILINE,
)
_DONE = re.compile(r"^Applied edit to ", re.MULTILINE)
_UNITS = {"": 1, "k": 1000, "M": 1_000_000}


def parse(output: Output) -> Said:
    """A line of token counts ends each answer, and `Applied edit` each edit; the counts are rounded."""
    text = output.stdout
    counts = list(_TOKENS.finditer(text))
    tokens_in = total(*(_count(each["sent"], each["sent_unit"]) for each in counts))
    tokens_out = total(*(_count(each["received"], each["received_unit"]) for each in counts))
    cost = amount(_decimal(counts[-1]["cost"] or "")) if counts else None
    model = _MODEL.search(text)
    reply = AgentReply(
        _words(text), tokens_in, tokens_out, cost, len(counts) or None, model[1] if model else None
    )
    # What it recovered from by itself stands before its last word.
    last = max((each.end() for each in (*counts, *_DONE.finditer(text))), default=-1)
    errors = [each for each in _ERROR.finditer(text) if each.start() > last]
    error = " ".join(errors[-1][0].split()) if errors else ""
    return Said(reply, last >= 0, error)


def _words(text: str) -> str:
    """The model's last answer: from the end of the header to the last line of counts."""
    said = text.rpartition("\nTokens: ")[0]
    return said.rpartition(" to the chat.\n")[2].strip()


def _count(number: str, unit: str) -> int | None:
    value = _decimal(number)
    return None if value is None else round(value * _UNITS[unit])


def _decimal(text: str) -> float | None:
    try:
        return float(text) if len(text) < 20 else None
    except ValueError:
        return None


PRESET = Preset(
    name="aider",
    title="aider",
    program="aider",
    install="uv tool install --python 3.12 aider-chat",
    words=(
        *("--message-file", "{prompt_file}", "--yes-always", "--no-auto-commits", "--no-dirty-commits"),
        *("--no-gitignore", "--analytics-disable", "--no-check-update", "--no-show-release-notes"),
        *("--no-show-model-warnings", "--no-stream", "--no-pretty", "--no-fancy-input", "--no-detect-urls"),
        *("--map-tokens", "0", "--no-suggest-shell-commands", "--no-auto-lint", "--no-auto-test"),
        *("--no-restore-chat-history", "--input-history-file", "{home}/input"),
        *("--chat-history-file", "{home}/chat.md"),
    ),
    with_base_url=("--model", "openai/{model}"),
    last=("{file}",),
    prompt="file",
    environment={"AIDER_ANALYTICS": "false", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    base_url_environment={"OPENAI_API_BASE": "{base_url}"},
    keys=("ANTHROPIC_API_KEY", "DEEPSEEK_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"),
    home={
        # The client repeats nothing: aider itself does, for a minute, which cannot be set.
        ".aider.model.settings.yml": "- name: aider/extra_params\n  extra_params: {max_retries: 0}\n",
        # Where something is there, no list of prices is fetched; what litellm brings along is used.
        ".aider/caches/model_prices_and_context_window.json": '{"sample_spec": {}}',
    },
    drops=(".aider*",),
    withholds=(".aider.conf.yml", ".aider.model.metadata.json", ".aider.model.settings.yml", ".env"),
    parse=parse,
)
AiderAgent = tool_agent(PRESET)
