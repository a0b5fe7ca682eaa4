"""A digest is the same for the same findings, whatever the folder and the order, and for no others."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from stomper_sdk.model.evidence import digest_of
from stomper_sdk.model.finding import Finding

ONE = Finding("ruff", "F401", "`os` imported but unused", "a.py", 1, 8)
TWO = Finding("ruff", "E741", "ambiguous", "b.py", 2, 1)


def test_neither_the_order_nor_the_folder_matters() -> None:
    here, there = (attrs.evolve(ONE, message=f"{root}/a.py is odd") for root in ("/tmp/x", "/var/y"))
    assert digest_of([here, TWO], "/tmp/x") == digest_of([TWO, there], "/var/y")
    assert digest_of([here], "/tmp/x") != digest_of([here], "/var/y")


def test_neither_the_checks_name_nor_what_was_read_beside_it_matters() -> None:
    assert digest_of([ONE]) == digest_of(
        [attrs.evolve(ONE, check="mine", scope="def f():", text="import os")]
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("path", "c.py"),
        ("line", 2),
        ("column", None),
        ("code", "F4"),
        ("severity", "info"),
        ("message", "no"),
    ],
)
def test_every_part_of_a_finding_matters(field: str, value: Any) -> None:
    assert digest_of([ONE, TWO]) != digest_of([attrs.evolve(ONE, **{field: value}), TWO])


def test_a_finding_more_or_twice_matters() -> None:
    assert len({digest_of(found) for found in ([], [ONE], [ONE, ONE], [ONE, TWO])}) == 4
