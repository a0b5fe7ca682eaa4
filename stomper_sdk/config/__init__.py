"""The pipeline language: text -> `Pipeline`, with every mistake told at its place."""

from stomper_sdk.config.durations import parse_duration
from stomper_sdk.config.experiments import load_experiment_spec
from stomper_sdk.config.loader import digest_of, load_pipeline, parse_override
from stomper_sdk.config.sources import builtin_pipelines, shipped_dir
from stomper_sdk.config.validation import load_schema

__all__ = [
    "builtin_pipelines",
    "digest_of",
    "load_experiment_spec",
    "load_pipeline",
    "load_schema",
    "parse_duration",
    "parse_override",
    "shipped_dir",
]
