"""What an agent is asked: templates, the levels of detail, and which attempt gets which level."""

from stomper_sdk.prompts.explanations import Explanations
from stomper_sdk.prompts.levels import choose_level
from stomper_sdk.prompts.rendering import check_template, mentions, render
from stomper_sdk.prompts.values import Constraints, PromptInput

__all__ = [
    "Constraints",
    "Explanations",
    "PromptInput",
    "check_template",
    "choose_level",
    "mentions",
    "render",
]
