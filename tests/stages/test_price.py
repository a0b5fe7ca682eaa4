"""What an attempt costs: by the price in the pipeline, else as the agent tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from stomper_sdk.agents.base import AgentReply
from stomper_sdk.agents.ruff_fix import RuffFixAgent
from stomper_sdk.config import load_pipeline
from stomper_sdk.errors import PipelineError
from stomper_sdk.interpreter.planner import resolve
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.price import Price
from stomper_sdk.stages.base import Selection
from stomper_sdk.stages.cascade import Tier

TELLING = AgentReply(tokens_in=1000, tokens_out=100, cost_usd=7.0, tokens_cached=500)


def cost(reply: AgentReply, price: Price | None) -> float | None:
    priced = Tier(RuffFixAgent(name="a"), price=price).priced(reply)
    assert priced is not None
    return priced.cost_usd


def test_the_price_of_the_pipeline_wins_over_what_the_agent_tells() -> None:
    assert cost(TELLING, None) == 7
    assert cost(TELLING, Price(2, 10, 1)) == pytest.approx((500 * 2 + 500 * 1 + 100 * 10) / 1e6)


def test_without_tokens_there_is_nothing_to_price() -> None:
    assert cost(AgentReply(cost_usd=7.0), Price(2, 10)) == 7
    assert cost(AgentReply(), Price(2, 10)) is None
    assert cost(AgentReply(), Price(0, 0)) == 0
    assert Tier(RuffFixAgent(name="a"), price=Price(2, 10)).priced(None) is None


def loaded(price: str) -> Pipeline:
    return load_pipeline(f"version: 1\nextends: default\nagents: {{builtin: {{price: {price}}}}}")


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("{input: 3, output: 15, cached_input: 0.3}", Price(3, 15, 0.3)),
        ("{input: 3, output: 15}", Price(3, 15)),
        ("0", Price(0, 0)),
        ("reported", "reported"),
    ],
)
def test_a_price_is_read_and_kept(text: str, price: object) -> None:
    pipeline = loaded(text)
    assert pipeline.agents[0].price == price
    assert "price" not in pipeline.agents[0].options
    assert load_pipeline(pipeline, overrides={"retry.max_attempts": 2}).agents == pipeline.agents


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("3", "3:27: agents.builtin.price: expected a price such as {input: 3, output: 15}, 0, or reported"),
        ("free", "3:27: agents.builtin.price: expected a price"),
        ("{input: 3}", "agents.builtin.price.output: the key 'output' is required"),
        ("{input: -3, output: 1}", "3:35: agents.builtin.price.input: expected a number of at least 0"),
        ("{input: 3, output: 1, cached: 0}", "did you mean 'cached_input'?"),
    ],
)
def test_another_price_is_refused_at_its_place(text: str, told: str) -> None:
    with pytest.raises(PipelineError) as refused:
        loaded(text)
    assert told in str(refused.value)


def test_the_price_holds_for_an_agent_that_python_puts_in_its_place(tmp_path: Path) -> None:
    pipeline = load_pipeline("default", overrides={"agents.builtin.price": 0}, extra_agents=["builtin"])
    (tier,) = resolve(pipeline, Selection(), {"builtin": lambda task: None}, tmp_path).cascade
    assert tier.price == Price(0, 0)
