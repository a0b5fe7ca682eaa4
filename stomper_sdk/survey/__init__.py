"""What a repository looks like to someone who sees it for the first time: languages, tools, tests."""

from stomper_sdk.survey.repository import Survey, take_survey
from stomper_sdk.survey.testing import TestsFound
from stomper_sdk.survey.tools import NODE_PROGRAMS, Tool

__all__ = ["NODE_PROGRAMS", "Survey", "TestsFound", "Tool", "take_survey"]
