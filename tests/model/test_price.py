"""What tokens cost."""

from __future__ import annotations

import pytest

from stomper_sdk.model.price import Price, Usage, dollars_text


def test_a_price_is_for_a_million_tokens() -> None:
    assert Price(3, 15).of(1_000_000, 0) == pytest.approx(3)
    assert Price(3, 15).of(10_000, 2_000) == pytest.approx(0.06)


def test_cached_tokens_are_among_those_read_and_have_a_price_of_their_own() -> None:
    assert Price(3, 15, 0.3).of(1_000_000, 0, 400_000) == pytest.approx(1.8 + 0.12)
    assert Price(3, 15).of(1_000_000, 0, 400_000) == pytest.approx(3)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (Usage(), None),
        (Usage(0, 0), 0),
        (Usage(5), 5),
        (Usage(None, 7), 7),
        (Usage(5, 7, 0.1), 12),
    ],
)
def test_tokens_that_nobody_tells_of_are_not_none_at_all(usage: Usage, tokens: int | None) -> None:
    assert usage.tokens == tokens


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (0, "$0.00"),
        (0.0123, "$0.0123"),
        (0.00001, "$0.00"),
        (0.3, "$0.30"),
        (1.005, "$1.00"),
        (1234.5, "$1,234.50"),
    ],
)
def test_small_sums_are_told_exactly(dollars: float, text: str) -> None:
    assert dollars_text(dollars) == text
