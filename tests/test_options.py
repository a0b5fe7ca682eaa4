"""Options of plug-ins: what is read, what is refused, and how that is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from stomper_sdk.errors import PipelineError
from stomper_sdk.options import (
    build,
    command_words,
    flag,
    integers,
    mapping_of,
    nearest,
    one_of,
    option,
    option_fields,
    optional,
    seconds,
    strings,
    text,
)


@attrs.frozen(kw_only=True)
class Plugin:
    name: str
    run: tuple[str, ...] = option(command_words, meaning="The program.")
    timeout: float = option(seconds, 10.0)
    level: str | None = option(optional(one_of("low", "high")), None)
    once: bool = attrs.field(default=False, init=False)


def test_a_plugin_is_made_of_its_options_with_its_defaults() -> None:
    made = build(Plugin, "mine", {"run": "tool 'a b'", "timeout": "1.5s"}, "agents.mine")
    assert made == Plugin(name="mine", run=("tool", "a b"), timeout=1.5, level=None)
    assert build(Plugin, "mine", {"run": ["tool"]}, "agents.mine").timeout == 10.0


def test_all_that_is_wrong_is_told_at_once_with_its_path() -> None:
    with pytest.raises(PipelineError) as caught:
        build(Plugin, "mine", {"timeot": 1, "timeout": "soon", "level": "hihg", "once": True}, "agents.mine")
    assert sorted(map(str, caught.value.problems)) == [
        "agents.mine.level: expected one of low, high",
        "agents.mine.once: unknown option 'once' of 'mine'",
        "agents.mine.run: this option must be given",
        "agents.mine.timeot: unknown option 'timeot' of 'mine' (did you mean 'timeout'?)",
        "agents.mine.timeout: expected a duration such as 30s, 10m, 1h or 1.5s",
    ]
    assert caught.value.exit_code == 2


def test_the_options_can_be_listed_with_their_meaning() -> None:
    fields = option_fields(Plugin)
    assert list(fields) == ["run", "timeout", "level"]
    assert fields["run"].metadata["meaning"] == "The program."


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        (seconds, "30s", 30.0),
        (seconds, "10m", 600.0),
        (seconds, "1h", 3600.0),
        (seconds, " 1.5s ", 1.5),
        (seconds, "500ms", 0.5),
        (seconds, 7, 7.0),
        (seconds, 0, 0.0),
        (command_words, "sed -i '/^import os$/d' a.py", ("sed", "-i", "/^import os$/d", "a.py")),
        (command_words, ["a b", "$HOME"], ("a b", "$HOME")),
        (strings, "one", ("one",)),
        (strings, ["a", "b"], ("a", "b")),
        (strings, [], ()),
        (text, "", ""),
        (flag, False, False),
        (integers, 0, (0,)),
        (integers, [0, 1], (0, 1)),
        (mapping_of(), {"a": "b"}, {"a": "b"}),
        (mapping_of("x"), {"a": "x"}, {"a": "x"}),
        (optional(seconds), None, None),
        (optional(seconds), "1s", 1.0),
    ],
)
def test_values_are_read(reader: Callable[[Any], Any], value: object, expected: object) -> None:
    assert reader(value) == expected


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        (seconds, "10", "a duration"),
        (seconds, "-1s", "a duration"),
        (seconds, -1, "a duration"),
        (seconds, True, "a duration"),
        (seconds, None, "a duration"),
        (command_words, "", "at least one word"),
        (command_words, [], "at least one word"),
        (command_words, "a 'b", "No closing quotation"),
        (command_words, [1], "a list of strings"),
        (strings, [1], "a list of strings"),
        (strings, {"a": 1}, "a list of strings"),
        (text, 1, "a string"),
        (flag, "yes", "true or false"),
        (flag, 1, "true or false"),
        (one_of("a", "b"), "c", "one of a, b"),
        (integers, [True], "a list of whole numbers"),
        (integers, "0", "a list of whole numbers"),
        (mapping_of(), ["a"], "a mapping"),
        (mapping_of(), {1: "a"}, "a mapping"),
        (mapping_of("x"), {"a": "y"}, "one of x"),
    ],
)
def test_what_is_expected_is_said(reader: Callable[[Any], Any], value: object, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        reader(value)


def test_the_nearest_name_is_found_or_none() -> None:
    assert nearest("timeot", ["timeout", "run"]) == "timeout"
    assert nearest("colour", ["timeout", "run"]) == ""
