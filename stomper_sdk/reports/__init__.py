"""A result as text, for people and for programs: functions that return it and print nothing."""

from stomper_sdk.reports.json import plan_to_dict, to_dict, to_json
from stomper_sdk.reports.text import file_line, plan_text, result_text

__all__ = ["file_line", "plan_text", "plan_to_dict", "result_text", "to_dict", "to_json"]
