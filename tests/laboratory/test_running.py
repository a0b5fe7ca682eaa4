"""An experiment from outside: what it finds, and that the user's repository never feels it."""

from __future__ import annotations

from typing import Any

import stomper_sdk
from tests.laboratory.conftest import PIPELINE, drops


def test_variants_are_tried_on_the_same_findings_and_the_repository_stays_as_it_is(user: Any) -> None:
    before = (user.head, user.status, user.git("for-each-ref"), user.git("count-objects", "-v"))

    found = stomper_sdk.experiment(
        PIPELINE,
        variants={
            "all": {},
            "half": {"agents.main": drops(["import os"])},
            "none": {"agents.main": drops([])},
        },
        repeats=2,
        seed=1,
        repo=user.root,
    )

    assert (found.status, found.exit_code) == ("completed", 0)
    assert (user.head, user.status, user.git("for-each-ref"), user.git("count-objects", "-v")) == before
    assert user.leftovers() == []
    rates = {table.variant: table.total.rate for table in found.tables}
    assert rates == {"all": 1.0, "half": 0.5, "none": 0.0}
    assert {(row.total.findings, row.total.files) for row in found.tables} == {(16, 8)}
    told = found.compare("all", "half")
    assert (told.difference, told.n, told.n_files) == (0.5, 16, 8)
    assert told.different
    pairs = [(it.a, it.b) for it in found.comparisons()]
    assert pairs == [("all", "half"), ("all", "none"), ("half", "none")]


def test_what_every_run_had_to_say_is_told_once(user: Any) -> None:
    tested = {**PIPELINE, "test_validation": {"mode": "quick"}}
    found = stomper_sdk.experiment(tested, variants={"a": {}, "b": {}}, repo=user.root)
    assert sum("fixes are not tested" in text for text in found.notices) == 1
