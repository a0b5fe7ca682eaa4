"""Jinja2 as our templates have it; imported when the first is loaded."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from stomper_sdk.errors import Problem
from stomper_sdk.prompts.excerpts import (
    capped,
    excerpts,
    fenced,
    inline,
    place,
    span,
    without_example,
)
from stomper_sdk.prompts.failures import shortened

if TYPE_CHECKING:
    import jinja2

__all__ = ["BUILT_IN", "ENDING", "FILTERS", "SUFFIX", "environment_of", "problem_of"]

BUILT_IN = Path(__file__).parent / "templates"
SUFFIX = ".md.j2"
#: What every template ends in: no other file can be read by one.
ENDING = ".j2"
FILTERS = (capped, fenced, inline, place, shortened, span, without_example)
_Loaded = tuple[str, str, Callable[[], bool]]


def environment_of(folder: Path) -> jinja2.Environment:
    """Strict about unknown variables, sandboxed, without HTML escapes.

    Names are relative to the folder; those that begin with the name of a built-in template, as in
    `{% extends "default/normal.md.j2" %}`, mean that one.
    """
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FunctionLoader(partial(_load, folder)),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # prompts are no HTML
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update({function.__name__: function for function in FILTERS})
    environment.globals["excerpts"] = excerpts
    return environment


def problem_of(error: Exception, template: str) -> Problem:
    """What a template did wrong, and where: Jinja2 gives its tracebacks the lines of the template."""
    import jinja2

    path = "prompt.template"
    if isinstance(error, jinja2.TemplateSyntaxError):
        return Problem(str(error.message), path, error.filename or template, error.lineno, 1)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_template(frame.filename)]
    file, line = (frames[-1].filename, frames[-1].lineno or 0) if frames else (template, 0)
    return Problem(_said(error), path, file, line, 1 if line else 0)


def _said(error: Exception) -> str:
    import jinja2

    if isinstance(error, jinja2.TemplateNotFound):
        return f"there is no template {error.name!r}"
    return str(error) if isinstance(error, jinja2.TemplateError) else f"{type(error).__name__}: {error}"


def _is_template(filename: str) -> bool:
    return not filename.endswith(".py")


def _load(folder: Path, name: str) -> _Loaded | None:
    """A template's text, found in the built-in folder or in its own, and nowhere else."""
    import jinja2

    if not set(name.split("/")).isdisjoint(("", ".", "..")) or not name.endswith(ENDING):
        return None
    for place_of in (BUILT_IN, folder):
        file = place_of / name
        if file.is_file():
            if not file.resolve().is_relative_to(place_of.resolve()):
                raise jinja2.TemplateError(f"{file} is a link that leads out of {place_of}")
            return file.read_text(encoding="utf-8"), str(file), lambda: True
    return None
