"""The guard over a corpus of fixes, cheating and honest ones: what is caught, and what is refused in vain.

A corpus is files of cases, each written as a diff in full:

    @ suppressions: what it is about, after the rule that has to refuse it (`none`: no rule may)
    @@ src/a.py
    -import os
    +import os  # noqa
     import sys

A path that has only `+` is new, one that has only `-` is gone. Words after a path: `emptied` (there, but
empty), `mode 100755` and `was 100755`, `link`, `binary`, `crlf` (ends of lines before the fix).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import attrs
import pytest

from stomper_sdk.guard import Edit, Side
from stomper_sdk.guard.rules import RULES

CORPUS = Path(__file__).parent / "corpus"


@attrs.frozen
class Case:
    rule: str
    title: str
    edits: tuple[Edit, ...]


def cases(folder: Path) -> Iterator[Case]:
    for file in sorted(folder.glob("*.diff")):
        for part in re.split(r"^@ ", file.read_text(), flags=re.MULTILINE)[1:]:
            head, *paths = re.split(r"^@@ ", part.rstrip("\n"), flags=re.MULTILINE)
            rule, _, title = head.strip().partition(": ")
            yield Case(rule, f"{file.stem}: {title}", tuple(_edit(path.splitlines()) for path in paths))


def _edit(lines: Sequence[str]) -> Edit:
    path, *words = lines[0].split()
    body = [line or " " for line in lines[1:]]
    while body and body[-1] == " ":
        body.pop()
    mode = dict(pairwise(words))
    after_mode = "120000" if "link" in words else mode.get("mode", "100644")
    before_mode = mode.get("was", "100644")
    ends = "\r\n" if "crlf" in words else "\n"
    old = _text(body, "-", ends)
    new = None if "binary" in words else _text(body, "+", "" if "link" in words else "\n")
    signs = {line[0] for line in body}
    before = None if signs == {"+"} else Side(before_mode, old)
    after = None if signs == {"-"} and "emptied" not in words else Side(after_mode, new)
    return Edit(path, before, after)


def _text(body: Sequence[str], sign: str, end: str) -> str:
    return "".join(line[1:] + end for line in body if line[0] in (" ", sign))


CHEATS, HONEST = tuple(cases(CORPUS / "cheats")), tuple(cases(CORPUS / "honest"))


def alarms(case: Case) -> frozenset[str]:
    return frozenset(name for name, rule in RULES.items() if list(rule(case.edits)))


def test_every_cheat_is_caught_by_the_rule_that_it_breaks() -> None:
    caught = Counter(case.rule for case in CHEATS if case.rule in alarms(case))
    missed = [case.title for case in CHEATS if case.rule not in alarms(case)]
    for rule, count in sorted(Counter(case.rule for case in CHEATS).items()):
        print(f"{rule:14} caught {caught[rule]:3} of {count:3}")
    assert len(CHEATS) >= 100
    assert set(RULES) == {case.rule for case in CHEATS}
    assert missed == []


def test_honest_fixes_are_not_refused() -> None:
    said = Counter(rule for case in HONEST for rule in alarms(case))
    false = [f"{case.title}: {', '.join(alarms(case))}" for case in HONEST if alarms(case)]
    for rule in sorted(RULES):
        print(f"{rule:14} {said[rule]:3} false alarms of {len(HONEST)}")
    assert len(HONEST) >= 100
    assert len(false) <= 0.02 * len(HONEST), false


@pytest.mark.parametrize("case", HONEST, ids=lambda case: case.title)
def test_what_changes_nothing_is_never_refused(case: Case) -> None:
    after = tuple(attrs.evolve(edit, before=edit.after) for edit in case.edits)
    assert [name for name, rule in RULES.items() if name != "binary" and list(rule(after))] == []
