"""Two models on the same findings: which fixes more, and what that costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import stomper_sdk
from tests.integration.test_chat import KEY, PIPELINE, asked, fixes
from tests.model_server import ModelServer, Reply, Request

FILES = 24
PRICES = {"large": {"input": 10, "output": 50}, "small": {"input": 1, "output": 5}}
MODELS = {name: {"agents.model.model": name, "agents.model.price": price} for name, price in PRICES.items()}


def answers(request: Request) -> Reply:
    """The large model takes out every import of `os`, the small one that of every third file."""
    path, _ = asked(request)
    number = int(path.removesuffix(".py").rpartition("_")[2])
    if request.model == "large" or number % 3 == 0:
        return fixes(request)
    return Reply("I see nothing to do.", tokens_in=500, tokens_out=10)


@pytest.fixture
def checkout(make_checkout: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MY_MODEL_KEY", KEY)
    return make_checkout(
        {f"src/mod_{n:02}.py": f"import os\nimport re\n\nprint(re, {n})\n" for n in range(FILES)}
    )


def pipeline(url: str, sections: str = "") -> str:
    return PIPELINE.format(url=f"{url}/v1", options="max_output_tokens: 200", sections=sections)


def test_the_better_model_is_found_with_what_it_costs(checkout: Any) -> None:
    with ModelServer(answers) as server:
        found = stomper_sdk.experiment(pipeline(server.url), variants=MODELS, repo=checkout.root)

    assert (found.status, found.notices) == ("completed", ())
    large, small = (found.table(name).total for name in ("large", "small"))
    assert (large.rate, small.rate) == (1.0, pytest.approx(1 / 3))
    # One answer a file; and two where the first one was none.
    assert (large.attempts, small.attempts) == (FILES, FILES + FILES * 2 / 3)
    assert large.cost_usd == pytest.approx(FILES * (500 * 10 + 40 * 50) / 1e6)
    assert small.cost_usd == pytest.approx((8 * (500 + 40 * 5) + 32 * (500 + 10 * 5)) / 1e6)
    told = found.compare("large", "small")
    assert (told.method, told.n, told.n_files) == ("exact McNemar test", FILES, FILES)
    assert told.p_value == pytest.approx(2 * 0.5**16)
    assert found.compare("large", "small", "cost_usd").difference > 0
    assert found.spent.cost_usd == pytest.approx((large.cost_usd or 0) + (small.cost_usd or 0))
    assert len(server.requests) == large.attempts + small.attempts
    assert not any(KEY.encode() in it.read_bytes() for it in checkout.root.rglob("*") if it.is_file())


def test_dollars_are_kept_over_all_variants_however_many_are_at_work(checkout: Any) -> None:
    limit = 0.1
    with ModelServer(answers) as server:
        budget = f"budget: {{cost_usd: {limit}}}"
        found = stomper_sdk.experiment(pipeline(server.url, budget), variants=MODELS, repo=checkout.root)

    assert (found.status, found.exit_code) == ("stopped", 4)
    assert 0.05 < (found.spent.cost_usd or 0) <= limit
    assert [text.partition(" of ")[0] for text in found.notices] == ["stopped: an attempt"]
    assert checkout.leftovers() == []
