"""A chat model under a budget: sixteen files at a time never cost more than they may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import stomper_sdk
from tests.integration.test_chat import KEY, PIPELINE, fixes
from tests.model_server import ModelServer, Reply, Request

COUNT = 24
OPTIONS = "price: {input: 3, output: 15, cached_input: 0.3}\n    max_output_tokens: 300"


def test_a_chat_model_costs_no_more_than_it_may(
    make_checkout: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_MODEL_KEY", KEY)
    text = "import os\nimport re\n\nprint(re, {})\n"
    repo = make_checkout({f"mod_{n:02}.py": text.format(n) for n in range(COUNT)})
    asked: list[int] = []

    def answer(request: Request) -> Reply:
        asked.append(1)
        return fixes(request)

    with ModelServer(answer) as server:
        pipeline = PIPELINE.format(url=f"{server.url}/v1", options=OPTIONS, sections="")
        file = repo.root.parent / "pipeline.yaml"
        file.write_text(pipeline)
        overrides: dict[str, Any] = {"budget.cost_usd": 0.05, "parallelism.max_parallel_files": 16}
        result = stomper_sdk.run(file, repo=repo.root, overrides=overrides)
        assert (result.status, result.exit_code) == ("stopped", 4)
        each = (500 * 3 + 40 * 15) / 1e6
        assert result.spent.cost_usd == pytest.approx(each * len(asked))
        assert 0 < len(asked) < COUNT
        assert each * len(asked) <= 0.05
        assert result.count("fixed") == len(asked) == len(repo.subjects) - 1

        more = stomper_sdk.run(repo=repo.root, resume="last", overrides={"budget.cost_usd": 5})
    assert more.exit_code == 0
    assert len(asked) == COUNT, "nothing was asked twice"
    assert more.spent.cost_usd == pytest.approx(each * COUNT)
