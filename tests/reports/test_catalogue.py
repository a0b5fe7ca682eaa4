"""Lists of plug-ins: aligned, within the width, and nothing of what a package says is obeyed."""

from __future__ import annotations

import pytest

from stomper_sdk.reports.catalogue import Plugin, PluginOption, catalogue_text, catalogue_to_dict

RUN = PluginOption("run", "a list of strings", True, meaning="The program and its arguments.")
LIMIT = PluginOption("timeout", "a duration", False, 600, "Its time limit.")
PLUGINS = (
    Plugin("command", "Runs a program in the workspace; never a shell.", "built in", options=(RUN, LIMIT)),
    Plugin("nobody", "An agent that has no idea.", "my-plugins 1.0"),
    Plugin("broken", "", "other 2.0", "it cannot be imported: ImportError: no"),
)


def test_a_line_for_each_and_who_brings_it() -> None:
    assert catalogue_text(PLUGINS, 80).splitlines() == [
        "command  Runs a program in the workspace; never a shell.",
        "nobody   An agent that has no idea. (my-plugins 1.0)",
        "broken   cannot be used: it cannot be imported: ImportError: no (other 2.0)",
    ]


def test_the_whole_of_one() -> None:
    stage = Plugin(
        "small", "Refuses.", "mine 1.0", facts=(("block", "file"), ("needs", "")), options=(RUN, LIMIT)
    )
    assert catalogue_text([stage], 80, whole=True).splitlines() == [
        "small",
        "  Refuses.",
        "  from   mine 1.0",
        "  block  file",
        "  options",
        "    run: a list of strings, must be given",
        "      The program and its arguments.",
        "    timeout: a duration, default 600",
        "      Its time limit.",
    ]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_list_keeps_its_width(width: int, whole: bool) -> None:
    long = Plugin(
        "a-name-of-some-length", "words " * 40, "a-package 1.0", "wrong " * 40, options=(RUN, LIMIT)
    )
    lines = catalogue_text((*PLUGINS, long), width, whole=whole).splitlines()
    assert max(map(len, lines)) <= width
    assert "" not in lines or whole


def test_nothing_that_a_package_says_is_obeyed() -> None:
    trick = "\x1b[2J\u202e\r\nname"
    option = PluginOption(trick, trick, False, trick, trick)
    plugin = Plugin(trick, trick, trick, trick, trick, ((trick, trick),), (option,))
    for whole in (True, False):
        text = catalogue_text([plugin], 300, whole=whole)
        assert "\\x1b[2J" in text
        assert text.replace("\n", "").isprintable()


def test_the_document() -> None:
    document = catalogue_to_dict("agents", PLUGINS)
    assert document["version"] == 1
    assert document["agents"][0]["options"][1] == {
        "name": "timeout",
        "type": "a duration",
        "required": False,
        "default": 600,
        "meaning": "Its time limit.",
    }
    assert [plugin["error"] for plugin in document["agents"]] == [None, None, PLUGINS[2].error]
