"""What is kept of a failing test's output."""

from __future__ import annotations

from stomper_sdk.prompts.failures import shortened

PYTEST = """\
    def test_prices():
        basket = make_basket()
{setup}
>       assert total(basket) == 12
E       assert 7 == 12
E        +  where 7 = total([1, 2, 4])

tests/test_shop.py:40: in f
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _
{between}
shop/prices.py:9: AssertionError"""


def test_what_is_short_stays_as_it_is() -> None:
    text = PYTEST.format(setup="        basket.add(1)", between="x")
    assert shortened(text) == text


def test_assertion_statement_and_end_of_the_traceback_are_kept() -> None:
    noise = "\n".join(f"        basket.add(item_{number})" for number in range(500))
    between = "\n".join(f"    frame {number}" for number in range(500))
    text = shortened(PYTEST.format(setup=noise, between=between), 700)
    assert len(text) < 900
    for line in (
        "    def test_prices():",
        ">       assert total(basket) == 12",
        "E       assert 7 == 12",
        "E        +  where 7 = total([1, 2, 4])",
        "tests/test_shop.py:40: in f",
        "    frame 499",
        "shop/prices.py:9: AssertionError",
    ):
        assert line in text.splitlines(), line
    assert "frame 100\n" not in text and "lines left out ...]" in text


def test_lines_keep_their_order_and_gaps_are_counted() -> None:
    lines = [f"{number:05}" for number in range(1000)]
    kept = shortened("\n".join(lines), 200).splitlines()
    numbers = [int(line) for line in kept if line.isdigit()]
    assert numbers == sorted(numbers) and numbers[:3] == [0, 1, 2] and numbers[-1] == 999
    gaps = [int(line.split()[1]) for line in kept if line.startswith("[")]
    assert sum(gaps) + len(numbers) == 1000


def test_a_huge_comparison_is_cut_and_its_beginning_and_end_stay() -> None:
    text = f"E       assert '{'a' * 50_000}' == 'b'"
    kept = shortened(text, 1000)
    assert kept.startswith("E       assert 'aaa") and kept.endswith("' == 'b'")
    assert len(kept) < 400


def test_a_plain_traceback_keeps_the_error_and_its_places() -> None:
    frames = "".join(f'  File "x{n}.py", line {n}, in f\n    call({n})\n' for n in range(300))
    kept = shortened(f"Traceback (most recent call last):\n{frames}ValueError: no price\n", 600)
    assert kept.endswith("ValueError: no price") and kept.startswith("Traceback")
    assert '  File "x299.py", line 299, in f\n    call(299)' in kept


def test_colours_are_left_out() -> None:
    assert shortened("\x1b[31mE  assert 1\x1b[0m") == "E  assert 1"
