"""Results to look at: tables, plots and stories. Libraries that draw are imported when they are asked for."""

from stomper_sdk.look.frames import to_frame
from stomper_sdk.look.page import attempt_html, file_html, plan_html, result_html
from stomper_sdk.look.plots import plot_codes, plot_outcomes, plot_timeline
from stomper_sdk.look.report import report_html, save_report
from stomper_sdk.look.story import Story, diff_of, explain

__all__ = [
    "Story",
    "attempt_html",
    "diff_of",
    "explain",
    "file_html",
    "plan_html",
    "plot_codes",
    "plot_outcomes",
    "plot_timeline",
    "report_html",
    "result_html",
    "save_report",
    "to_frame",
]
