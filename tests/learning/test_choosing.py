"""What is believed of levels, and what is chosen by it."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from stomper_sdk.learning import Experience, Lesson, Situation, choose
from stomper_sdk.learning.experience import Arm

LEVELS = ("minimal", "normal", "detailed", "verbose")
Make = Callable[..., Lesson]


def known(lesson: Make, *told: tuple[str, str, int, int], **more: Any) -> list[Lesson]:
    """An attempt at one finding for each of `tried`, of which the first `fixed` succeed; one level each."""
    return [
        lesson(level=level, codes=[(code, 1, int(number < fixed))], **more)
        for level, code, tried, fixed in told
        for number in range(tried)
    ]


def chosen(experience: Experience, count: int = 200, **situation: Any) -> Counter[str]:
    base = {"agents": ("mine",), "findings": {("ruff", "F401"): 1}, **situation}
    return Counter(choose(Situation(experience, path=f"{n}.py", **base), LEVELS).level for n in range(count))


def test_who_knows_nothing_tries_every_level_and_the_cheap_ones_more_often() -> None:
    tried = chosen(Experience(), 1000)
    assert tried["minimal"] > tried["normal"] > tried["detailed"] > tried["verbose"] > 0


def test_who_knows_enough_takes_the_level_with_the_most_fixes_for_its_cost(lesson: Make) -> None:
    cheap = known(lesson, ("minimal", "F401", 60, 48), tokens_in=500)
    dear = known(lesson, ("detailed", "F401", 60, 60), tokens_in=3000)
    assert chosen(Experience.of(cheap + dear))["minimal"] > 150
    useless = known(lesson, ("minimal", "F401", 60, 3), tokens_in=500)
    tried = chosen(Experience.of(useless + dear))
    assert tried["minimal"] < 20
    assert tried["detailed"] > 60


def test_dollars_count_where_they_are_told(lesson: Make) -> None:
    """A level of a few tokens that costs much, as one of a dearer model does, is a dear one."""
    dear = known(lesson, ("minimal", "F401", 60, 48), tokens_in=500, cost_usd=1.0)
    cheap = known(lesson, ("detailed", "F401", 60, 48), tokens_in=3000, cost_usd=0.1)
    assert chosen(Experience.of(dear + cheap))["detailed"] > 150


def test_what_is_known_of_one_code_is_used_for_it_and_less_for_its_kin(lesson: Make) -> None:
    lessons = known(lesson, ("minimal", "F401", 40, 0), ("minimal", "E501", 40, 40))
    experience = Experience.of(lessons)

    def mean(code: str, check: str = "ruff") -> float:
        return experience.belief(Arm("mine", "minimal"), LEVELS, check, code).mean

    assert mean("F401") < 0.1 < 0.9 < mean("E501")
    assert mean("F401") < mean("NEW") < mean("E501")


def test_a_code_that_fails_at_other_levels_is_believed_to_be_hard_at_this_one(lesson: Make) -> None:
    usual = known(lesson, ("minimal", "E501", 40, 30), ("detailed", "E501", 40, 30))
    hard = known(lesson, ("minimal", "F401", 20, 0))

    def mean(lessons: list[Lesson]) -> float:
        return Experience.of(lessons).belief(Arm("mine", "detailed"), LEVELS, "ruff", "F401").mean

    assert mean(usual + hard) < mean(usual) / 2


def test_later_attempts_do_not_speak_against_a_level_at_first_ones(lesson: Make) -> None:
    """Detailed prompts get what minimal ones have left, and mend little of it: the findings' fault."""
    first = known(lesson, ("detailed", "F401", 20, 18))
    later = known(lesson, ("detailed", "F401", 60, 6), round=2)
    experience = Experience.of(first + later)
    assert experience.belief(Arm("mine", "detailed"), LEVELS, "ruff", "F401").mean > 0.8
    assert experience.belief(Arm("mine", "detailed", again=True), LEVELS, "ruff", "F401").mean < 0.3


def test_what_is_old_fades(lesson: Make) -> None:
    old = known(lesson, ("minimal", "F401", 2000, 2000))
    new = known(lesson, ("minimal", "F401", 1000, 0))
    arm = Arm("mine", "minimal")
    assert Experience.of(new + old).belief(arm, LEVELS, "ruff", "F401").mean < 0.3
    assert Experience.of(old + new).belief(arm, LEVELS, "ruff", "F401").mean > 0.7


def test_ten_findings_of_one_attempt_weigh_less_than_ten_attempts(lesson: Make) -> None:
    arm = Arm("mine", "minimal")
    at_once = Experience.of([lesson(codes=[("F401", 10, 0)])]).belief(arm, LEVELS, "ruff", "F401")
    apart = Experience.of(known(lesson, ("minimal", "F401", 10, 0))).belief(arm, LEVELS, "ruff", "F401")
    assert apart.mean < at_once.mean < 0.5
    assert at_once.tried == apart.tried == 10


@pytest.mark.parametrize("change", [{"failure": "quota"}, {"failure": "auth"}, {"outcome": "conflict"}])
def test_what_says_nothing_of_a_level_is_not_learned(change: dict[str, str], lesson: Make) -> None:
    assert Experience.of(known(lesson, ("minimal", "F401", 9, 0), **change)) == Experience()


def test_codes_of_a_file_count_by_their_findings(lesson: Make) -> None:
    lessons = known(
        lesson,
        *(("minimal", "F401", 60, 60), ("minimal", "E501", 60, 0)),
        *(("detailed", "F401", 60, 0), ("detailed", "E501", 60, 60)),
    )
    experience = Experience.of(lessons)
    assert chosen(experience, findings={("ruff", "F401"): 20, ("ruff", "E501"): 1})["minimal"] > 150
    assert chosen(experience, findings={("ruff", "F401"): 1, ("ruff", "E501"): 20})["detailed"] > 150


def test_the_better_agent_is_chosen_where_there_is_a_choice(lesson: Make) -> None:
    lessons = known(lesson, ("minimal", "F401", 40, 4), agent="cheap", cost_usd=0.01)
    lessons += known(lesson, ("minimal", "F401", 40, 40), agent="strong", cost_usd=0.02)
    situation = Situation(Experience.of(lessons), ("cheap", "strong"), {("ruff", "F401"): 1})
    agents = Counter(choose(attrs.evolve(situation, path=f"{n}"), ("minimal",)).agent for n in range(100))
    assert agents["strong"] > 90


def test_a_level_that_failed_is_not_repeated_while_there_is_another(lesson: Make) -> None:
    failed = (("mine", "minimal"), ("mine", "verbose"))
    assert set(chosen(Experience(), failed=failed, again=True)) == {"normal", "detailed"}
    everything = tuple(("mine", level) for level in LEVELS)
    assert set(chosen(Experience(), failed=everything, again=True)) == set(LEVELS)
    assert set(chosen(Experience(), failed=(("other", "minimal"),), again=True)) == set(LEVELS)


def test_the_same_situation_gets_the_same_choice_and_another_seed_another_one() -> None:
    def levels(seed: int) -> list[str]:
        paths = (Situation(path=f"{n}", seed=seed) for n in range(50))
        return [choose(situation, LEVELS).level for situation in paths]

    assert levels(0) == levels(0) != levels(1)


def test_the_reason_names_what_is_known(lesson: Make) -> None:
    lessons = known(lesson, ("minimal", "F401", 60, 57), tokens_in=480)
    situation = Situation(Experience.of(lessons), ("mine",), {("ruff", "F401"): 2}, path="a.py")
    why = choose(situation, LEVELS).why
    assert why == "minimal 95% of F401 expected (60 tried), 500 tokens: the most for its cost"
    again = attrs.evolve(situation, failed=(("mine", "minimal"),), again=True)
    assert str(choose(again, LEVELS).why).startswith("after minimal: ")
    told = (("minimal", "F401", 12, 8), ("normal", "F401", 3, 2))
    worse = Experience.of(known(lesson, *told))
    cases = [attrs.evolve(situation, experience=worse, path=f"{n}") for n in range(300)]
    whys = [str(choose(case, LEVELS).why) for case in cases]
    assert any(": to learn more of it; minimal 6" in why and why.endswith(" looks better") for why in whys)


@pytest.fixture(scope="module")
def simulation() -> Any:
    path = Path(__file__).parents[2] / "benchmarks" / "learning.py"
    if not path.is_file():
        pytest.skip("benchmarks/ is not part of the source distribution")
    spec = importlib.util.spec_from_file_location("learning_simulation", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_in_a_simulated_world_it_loses_less_than_rules_that_do_not_know_the_rates(simulation: Any) -> None:
    told = simulation.regrets(0, findings=1000)
    regret = {name: lost for name, (lost, _) in told.items()}
    others = {name: lost for name, lost in regret.items() if name not in ("adaptive", "knows the rates")}
    assert len(others) == 8
    assert regret["adaptive"] < min(others.values())
    assert regret["adaptive"] < 0.6 * regret["at random"]
