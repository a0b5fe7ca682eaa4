"""What is drawn is like the whole, in an order that a seed decides."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stomper_sdk.journal.records import Arranged
from stomper_sdk.laboratory.cells import cells_of
from stomper_sdk.laboratory.sample import blocks_of, draw
from stomper_sdk.model.experiment import VariantSpec
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.plan import FileTask, Plan


def plan_of(counts: list[dict[str, int]]) -> Plan:
    tasks = []
    for number, codes in enumerate(counts):
        path = f"f{number}.py"
        places = [code for code, count in sorted(codes.items()) for _ in range(count)]
        found = tuple(Finding("ruff", code, code, path, line) for line, code in enumerate(places, 1))
        tasks.append(FileTask(number, path, found))
    return Plan("c" * 40, tuple(task for task in tasks if task.findings), (), ())


CODES = st.dictionaries(st.sampled_from("ABC"), st.integers(0, 6), min_size=1)


@given(st.lists(CODES, min_size=1, max_size=12), st.integers(0, 80), st.integers(0, 5))
def test_as_many_are_drawn_as_were_asked_for_and_each_code_has_its_share(
    counts: list[dict[str, int]], wanted: int, seed: int
) -> None:
    plan = plan_of(counts)
    sizes = {task.path: number * 100 for number, task in enumerate(plan.tasks)}
    tasks = draw(plan, sizes, wanted, seed)
    drawn = [finding for task in tasks for finding in task.findings]
    everything = [finding for task in plan.tasks for finding in task.findings]

    assert set(drawn) <= set(everything)
    assert len(set(drawn)) == len(drawn) == min(wanted or len(everything), len(everything))
    assert tasks == draw(plan, sizes, wanted, seed)
    assert [task.index for task in tasks] == list(range(len(tasks)))
    assert all(finding.path == task.path for task in tasks for finding in task.findings)
    # A code stands in files of three sizes at most, each rounded to a neighbour of its share.
    for code, count in Counter(finding.code for finding in everything).items():
        share = count * len(drawn) / len(everything)
        assert abs(sum(finding.code == code for finding in drawn) - share) < 3


def test_small_and_large_files_are_drawn_alike() -> None:
    plan = plan_of([{"A": 4}] * 30)
    sizes = {f"f{number}.py": number for number in range(30)}
    drawn = Counter(int(t.path[1:-3]) // 10 for t in draw(plan, sizes, 60, 1) for _ in t.findings)
    assert drawn == {0: 20, 1: 20, 2: 20}


def test_another_seed_draws_others() -> None:
    plan = plan_of([{"A": 3}] * 20)
    drawn = {tuple(f for t in draw(plan, {}, 10, seed) for f in t.findings) for seed in range(5)}
    assert len(drawn) == 5


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(1, 10))
def test_blocks_hold_every_file_once_and_none_is_empty(sizes: list[int], count: int) -> None:
    tasks = plan_of([{"A": size} for size in sizes]).tasks
    blocks = blocks_of(tasks, count)
    assert [path for block in blocks for path in block] == [task.path for task in tasks]
    assert all(blocks)
    assert len(blocks) <= count


def test_each_block_has_every_variant_and_repeat_once_in_an_order_of_its_own() -> None:
    variants = tuple(VariantSpec(name) for name in "abcdef")
    blocks = tuple((f"f{number}.py",) for number in range(8))
    arranged = Arranged("x", "p", "c" * 40, variants, {}, None, 2, 0, 8, 7, "never", blocks)
    cells = cells_of(arranged)

    assert [cell.number for cell in cells] == list(range(8 * 12))
    orders = [[(it.variant, it.repeat) for it in cells if it.block == number] for number in range(8)]
    assert all(sorted(order) == sorted(orders[0]) and len(set(order)) == 12 for order in orders)
    assert len({tuple(order) for order in orders}) == 8
    assert cells == cells_of(arranged)
    # On the whole nobody comes first: what drifts hits all alike.
    places = {name: sum(order.index((name, 0)) for order in orders) / 8 for name in "abcdef"}
    assert all(2 < place < 9 for place in places.values())
