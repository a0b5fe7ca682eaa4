"""One prompt, from a template and what it can speak of."""

from __future__ import annotations

from stomper_sdk.errors import PipelineError
from stomper_sdk.prompts.environment import problem_of
from stomper_sdk.prompts.template import Template
from stomper_sdk.prompts.values import PromptInput, variables_of

__all__ = ["render"]


def render(template: Template, level: str, given: PromptInput) -> str:
    """The prompt of one attempt.

    Args:
        template: as it was loaded.
        level: one of its levels.
        given: what the template can speak of.

    Raises:
        PipelineError: the template cannot speak of this case, with its file and line.
    """
    try:
        text = template.texts[level].render({**variables_of(given), "level": level})
    # A template is the user's code: whatever it raises is a mistake in it.
    except Exception as error:
        raise PipelineError([problem_of(error, template.name)]) from error
    return text.replace("\0", "\ufffd")  # no argument of a program can hold it
