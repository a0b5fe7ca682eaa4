"""What an agent is asked: templates, the levels of detail, and which attempt gets which level."""

from stomper_sdk.prompts.explanations import Explanations
from stomper_sdk.prompts.levels import choose_level
from stomper_sdk.prompts.rendering import render
from stomper_sdk.prompts.template import Template, load_template, mentions
from stomper_sdk.prompts.values import Constraints, LastAttempt, PromptInput

__all__ = [
    "Constraints",
    "Explanations",
    "LastAttempt",
    "PromptInput",
    "Template",
    "choose_level",
    "load_template",
    "mentions",
    "render",
]
