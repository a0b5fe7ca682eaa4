"""What variants of a pipeline did to the same findings, compared: pure functions of what was seen."""

from stomper_sdk.experiments.comparing import Comparison, compare, compare_all
from stomper_sdk.experiments.sequential import Decision, Sequential
from stomper_sdk.experiments.sizing import Size, size
from stomper_sdk.experiments.table import Row, Table, tabulate
from stomper_sdk.experiments.trial import Interval, Measure, Trial, Visit

__all__ = [
    "Comparison",
    "Decision",
    "Interval",
    "Measure",
    "Row",
    "Sequential",
    "Size",
    "Table",
    "Trial",
    "Visit",
    "compare",
    "compare_all",
    "size",
    "tabulate",
]
