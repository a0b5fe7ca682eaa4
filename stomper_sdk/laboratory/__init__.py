"""Experiments: variants of a pipeline tried on the same findings, in clones, and told side by side."""

from stomper_sdk.laboratory.experiment import Experiment, TriedVariant
from stomper_sdk.laboratory.progress import ExperimentProgress, Tally, Watcher
from stomper_sdk.laboratory.reading import load_experiment
from stomper_sdk.laboratory.running import carry_out_experiment, draft_experiment

__all__ = [
    "Experiment",
    "ExperimentProgress",
    "Tally",
    "TriedVariant",
    "Watcher",
    "carry_out_experiment",
    "draft_experiment",
    "load_experiment",
]
