"""What is read from the tools' own outputs, recorded from real runs, and from outputs that are broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stomper_sdk.agents.base import AgentReply
from stomper_sdk.agents.presets.base import Output, Preset, Said
from stomper_sdk.agents.presets.sorting import failure_of
from stomper_sdk.agents.presets.table import PRESETS

STREAMS = Path(__file__).with_name("streams")
DONE = "Removed the unused import."
every = pytest.mark.parametrize("name", sorted(PRESETS))


def recorded(name: str, case: str) -> Output:
    def text(suffix: str) -> str:
        path = STREAMS / f"{name}-{case}.{suffix}"
        return path.read_text() if path.exists() else ""

    return Output(text("out"), text("err"), text("report"))


def read(name: str, output: Output) -> Said:
    return PRESETS[name].parse(output)


@pytest.mark.parametrize(
    ("name", "tokens", "turns", "model", "has_session", "cost"),
    [
        ("aider", (100, 10), 1, "openai/gpt-4o", False, 0.00035),
        ("claude-code", (300, 30), 3, "claude-opus-4-8", True, 0.00225),
        ("codex", (200, 20), 2, None, True, None),
        ("cursor", (300, 30), 2, "m", True, None),
        ("gemini", (300, 30), 3, "gemini-2.5-flash", True, None),
        ("mini-swe-agent", (200, 20), 2, "gpt-4o", False, 0.0007),
        ("opencode", (300, 30), 3, None, True, None),
    ],
)
def test_all_that_a_tool_tells_of_a_fix_is_read(
    name: str, tokens: tuple[int, int], turns: int, model: str | None, has_session: bool, cost: float | None
) -> None:
    said = read(name, recorded(name, "fixed"))
    reply = said.reply
    assert (said.finished, said.error) == (True, "")
    assert ((reply.tokens_in, reply.tokens_out), reply.turns, reply.model) == (tokens, turns, model)
    assert bool(reply.agent_session) == has_session
    assert reply.cost_usd == (None if cost is None else pytest.approx(cost))
    assert reply.text in (DONE, "Working.") or "<<<<<<< SEARCH" in reply.text


@every
def test_a_refused_key_is_told_as_such(name: str) -> None:
    output = recorded(name, "refused")
    said = read(name, output)
    assert not said.finished or said.error
    assert failure_of(said.error or output.stderr, said.status) == "auth"


@pytest.mark.parametrize("name", ["claude-code", "codex", "mini-swe-agent"])
def test_a_quota_that_is_used_up_is_told_from_a_rate_limit(name: str) -> None:
    said = read(name, recorded(name, "quota"))
    assert failure_of(said.error, said.status) == "quota"


@every
def test_a_stream_that_is_cut_off_anywhere_before_its_end_is_not_finished(name: str) -> None:
    """It is cut between lines, and within the last one."""
    whole = recorded(name, "fixed")
    if whole.report:
        cuts = [
            Output(whole.stdout, whole.stderr, whole.report[:at]) for at in (0, 1, len(whole.report) // 2)
        ]
    else:
        lines = whole.stdout.splitlines(keepends=True)
        last = max(n for n, line in enumerate(lines) if line.strip())
        end = next((n for n, line in enumerate(lines) if line.startswith("Tokens:")), last)
        cuts = [Output("".join(lines[:n]), whole.stderr) for n in range(end)]
        cuts.append(Output("".join(lines[:end]) + lines[end][:20], whole.stderr))
    for cut in cuts:
        assert not read(name, cut).finished, cut


def test_claude_counts_each_message_once_where_its_last_word_is_missing() -> None:
    lines = recorded("claude-code", "fixed").stdout.splitlines()
    said = read("claude-code", Output("\n".join(lines[:-1])))
    assert said.reply.tokens_in == 300
    assert said.reply.agent_session


def test_a_price_for_a_model_of_somebody_else_is_not_believed() -> None:
    stream = recorded("claude-code", "fixed").stdout.replace("claude-opus-4-8", "qwen3-coder")
    assert read("claude-code", Output(stream)).reply.cost_usd is None


def test_an_error_in_the_middle_of_codexs_turn_is_a_warning() -> None:
    lines = recorded("codex", "fixed").stdout.splitlines()
    warned = [*lines[:2], '{"type": "error", "message": "Reconnecting... 1/5"}', *lines[2:]]
    said = read("codex", Output("\n".join(warned)))
    assert (said.finished, said.error) == (True, "")


@pytest.mark.parametrize(
    ("status", "finished"),
    [("Submitted", True), ("LimitsExceeded", False), ("TimeExceeded", False), ("", False), (None, False)],
)
def test_minis_exit_status_decides(status: str | None, finished: bool) -> None:
    said = read("mini-swe-agent", Output(report=json.dumps({"info": {"exit_status": status}})))
    assert (said.finished and not said.error) == finished


def test_aider_that_recovered_is_fine_and_one_that_gave_up_is_not() -> None:
    error = "litellm.APIError: OpenAIException - broken\npipe\nRetrying in 0.2 seconds...\n"
    fixed = recorded("aider", "fixed").stdout
    assert read("aider", Output(error + fixed)).error == ""
    failed = read("aider", Output(fixed + error))
    assert failed.error == "litellm.APIError: OpenAIException - broken pipe"


def test_aiders_counts_are_read_with_their_units() -> None:
    counts = "Tokens: 12k sent, 1.5k cache write, 3.4k cache hit, 2.5M received."
    line = f"{counts} Cost: $0.10 message, $1.25 session.\n"
    reply = read("aider", Output(line + line)).reply
    assert (reply.tokens_in, reply.tokens_out, reply.cost_usd, reply.turns) == (24_000, 5_000_000, 1.25, 2)


def test_opencode_that_stopped_at_a_refused_tool_has_not_finished() -> None:
    lines = recorded("opencode", "fixed").stdout.splitlines()
    steps = [n for n, line in enumerate(lines) if '"tool-calls"' in line]
    said = read("opencode", Output("\n".join(lines[: steps[-1] + 1])))
    assert (said.finished, said.reply.tokens_in) == (False, 200)


BROKEN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
NAMES = st.sampled_from(
    [
        *("type", "message", "usage", "result", "session_id", "model", "part", "tokens", "error", "data"),
        *("info", "messages", "extra", "response", "stats", "item", "input_tokens", "reason", "cost"),
        *("exit_status", "model_stats", "subtype", "status", "is_error", "state", "cache", "input"),
    ]
)
KINDS = st.sampled_from(
    [
        *("result", "assistant", "system", "turn.completed", "turn.failed", "error", "item.completed"),
        *("step_finish", "text", "tool_use", "init", "message", "thread.started"),
    ]
)
VALUES = st.recursive(
    LEAVES | KINDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
EVENTS = st.dictionaries(NAMES, VALUES, max_size=6).flatmap(
    lambda event: KINDS.map(lambda kind: {**event, "type": kind})
)
LINES = EVENTS.map(json.dumps) | st.text(max_size=30) | st.just("[" * 5000) | st.just('{"type":' * 3000)


@every
@BROKEN
@given(st.lists(LINES, max_size=6), st.text(max_size=50), EVENTS.map(json.dumps) | st.text(max_size=30))
def test_no_output_is_too_broken_to_be_read(name: str, lines: list[str], stderr: str, report: str) -> None:
    for output in (Output("\n".join(lines), stderr, report), Output("", "\n" + "\n".join(lines), report)):
        holds(PRESETS[name], output)


@every
@BROKEN
@given(st.data())
def test_no_recorded_output_is_too_cut_to_be_read(name: str, data: st.DataObject) -> None:
    whole = recorded(name, data.draw(st.sampled_from(["fixed", "refused"])))
    texts = (whole.stdout, whole.stderr, whole.report)
    start, end = (data.draw(st.integers(0, max(map(len, texts)))) for _ in range(2))
    holds(PRESETS[name], Output(*(text[:start] + text[end:] for text in texts)))


def holds(preset: Preset, output: Output) -> None:
    """What is read is of the types that it is declared to be, and can be written down."""
    said = preset.parse(output)
    reply = said.reply
    assert isinstance(reply, AgentReply)
    for count in (reply.tokens_in, reply.tokens_out, reply.turns, reply.tokens_cached):
        assert count is None or (type(count) is int and count >= 0)
    assert reply.cost_usd is None or reply.cost_usd >= 0
    for text in (reply.text, said.error, reply.model or "", reply.agent_session or ""):
        text.encode()
    assert type(said.finished) is bool
    assert said.status is None or type(said.status) is int


@pytest.mark.parametrize(
    ("kind", "text", "status"),
    [
        ("auth", "Failed to authenticate. API Error: 401 invalid api key", 401),
        ("auth", "unexpected status 401 Unauthorized: invalid api key, url: http://h/v1/responses", None),
        ("auth", "unexpected status 403 Forbidden: no", None),
        ("auth", "Not logged in · Please run /login", None),
        ("auth", "Missing environment variable: `OPENAI_API_KEY`.", None),
        (
            "auth",
            "litellm.AuthenticationError: OpenAIException - The api_key client option must be set",
            None,
        ),
        ("auth", "API key not valid. Please pass a valid API key.", 400),
        ("quota", "You exceeded your current quota, please check your plan and billing details.", 429),
        ("quota", "Your credit balance is too low to access the Anthropic API.", 400),
        ("quota", "Claude AI usage limit reached|1749924000", None),
        ("quota", "You've hit your usage limit. Upgrade to Pro or try again in 3 days 4 hours.", None),
        ("quota", "insufficient_quota", 429),
        ("quota", "anything at all", 402),
        ("error", "exceeded retry limit, last status: 429 Too Many Requests", None),
        ("error", "API Error: Request rejected (429) · rate limit reached", 429),
        ("error", "Rate limit reached on tokens per min: Limit 30000. Please try again in 6s.", 429),
        ("error", "You exceeded your current quota, check billing details. Please retry in 34.07s.", 429),
        ("error", "API Error: 529 Overloaded", 529),
        ("error", "unexpected status 500 Internal Server Error: authentication service is down", None),
        ("error", "stream disconnected before completion", None),
        ("error", "", None),
    ],
)
def test_failures_are_sorted_by_whether_trying_again_can_help(
    kind: str, text: str, status: int | None
) -> None:
    assert failure_of(text, status) == kind
