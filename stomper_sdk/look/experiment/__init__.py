"""Experiments to look at. Libraries that draw are imported when they are asked for."""

from stomper_sdk.look.experiment.exports import to_csv, to_parquet
from stomper_sdk.look.experiment.frames import to_frame
from stomper_sdk.look.experiment.page import comparison_html, experiment_html, size_html
from stomper_sdk.look.experiment.plots import plot_codes, plot_comparisons, plot_pareto, plot_variants
from stomper_sdk.look.experiment.report import report_html, save_report
from stomper_sdk.look.experiment.speedup import plot_speedup
from stomper_sdk.look.experiment.story import story_in
from stomper_sdk.look.experiment.tracking import to_mlflow

__all__ = [
    "comparison_html",
    "experiment_html",
    "plot_codes",
    "plot_comparisons",
    "plot_pareto",
    "plot_speedup",
    "plot_variants",
    "report_html",
    "save_report",
    "size_html",
    "story_in",
    "to_csv",
    "to_frame",
    "to_mlflow",
    "to_parquet",
]
