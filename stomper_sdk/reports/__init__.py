"""A result as text, for people and for programs: functions that return it and print nothing."""

from stomper_sdk.reports.fail_level import FailLevel, exit_code_at
from stomper_sdk.reports.github import github_annotations, github_outputs, github_summary
from stomper_sdk.reports.json import plan_to_dict, to_dict, to_json
from stomper_sdk.reports.junit import junit_xml
from stomper_sdk.reports.sarif import sarif_log
from stomper_sdk.reports.text import attempt_text, file_line, plan_text, result_text

__all__ = [
    "FailLevel",
    "attempt_text",
    "exit_code_at",
    "file_line",
    "github_annotations",
    "github_outputs",
    "github_summary",
    "junit_xml",
    "plan_text",
    "plan_to_dict",
    "result_text",
    "sarif_log",
    "to_dict",
    "to_json",
]
