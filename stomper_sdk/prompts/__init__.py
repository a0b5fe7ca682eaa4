"""What an agent is asked: templates, the levels of detail, and which attempt gets which level."""

from stomper_sdk.prompts.codebase import commit_texts
from stomper_sdk.prompts.explanations import Explanations
from stomper_sdk.prompts.guides import check_guides, read_guides
from stomper_sdk.prompts.levels import choose_level
from stomper_sdk.prompts.related import Neighbours
from stomper_sdk.prompts.rendering import render
from stomper_sdk.prompts.template import Template, load_template, mentions
from stomper_sdk.prompts.values import Constraints, LastAttempt, PromptInput, Related

__all__ = [
    "Constraints",
    "Explanations",
    "LastAttempt",
    "Neighbours",
    "PromptInput",
    "Related",
    "Template",
    "check_guides",
    "choose_level",
    "commit_texts",
    "load_template",
    "mentions",
    "read_guides",
    "render",
]
