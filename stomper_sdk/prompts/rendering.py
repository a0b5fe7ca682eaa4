"""Jinja2 templates, the built-in ones and the user's own; jinja2 is imported when the first is used."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from stomper_sdk.errors import PipelineError, Problem
from stomper_sdk.options import nearest
from stomper_sdk.prompts.excerpts import capped, excerpts, fenced, inline, place
from stomper_sdk.prompts.values import PromptInput

if TYPE_CHECKING:
    import jinja2

__all__ = ["check_template", "mentions", "render"]

_TEMPLATES = Path(__file__).parent / "templates"
_VARIABLES = (*attrs.fields_dict(PromptInput), "language")


def render(template: str, level: str, given: PromptInput) -> str:
    """The prompt of one attempt.

    Args:
        template: a built-in name, or the absolute path of a Jinja2 file.
        level: a level; a built-in template has a file for each, one of the user's own a variable.
        given: what the template can speak of.

    Raises:
        PipelineError: the template is wrong, with its file and line.
    """
    values = {name: getattr(given, name) for name in _VARIABLES}
    name = _template_name(template, level)
    try:
        return _environment(_folder(template)).get_template(name).render({**values, "level": level})
    # A template is the user's code: whatever it raises is a mistake in it.
    except Exception as error:
        raise PipelineError([_problem(error, template)]) from error


def mentions(template: str, level: str, variable: str) -> bool:
    """Whether a template, or one that it extends or includes, speaks of a variable.

    What costs time to find out can be left out where it does not; a template with mistakes in it counts
    as one that does, and `render` will tell.
    """
    # A template of the user's own may change while we run, as in a notebook.
    return _mentions(template, level, variable) if _is_own(template) else _known(template, level, variable)


def _mentions(template: str, level: str, variable: str) -> bool:
    import jinja2
    from jinja2 import meta

    environment = _environment(_folder(template))
    names, seen = [_template_name(template, level)], set()
    while names:
        name = names.pop()
        seen.add(name)
        try:
            tree = environment.parse(_loader(environment).get_source(environment, name)[0])
        except (jinja2.TemplateError, OSError, UnicodeDecodeError):
            return True
        if variable in meta.find_undeclared_variables(tree):
            return True
        names += [other for other in meta.find_referenced_templates(tree) if other and other not in seen]
    return False


_known = functools.cache(_mentions)


def check_template(template: str, levels: Sequence[str]) -> None:
    """Find out before a run whether every prompt can be made.

    Args:
        template: as for `render`.
        levels: the levels of the pipeline; a template of the user's own may give them any names.

    Raises:
        PipelineError: no such template or level, a syntax error, or a variable that there is not.
    """
    if not _is_own(template):
        _check_builtin(template, levels)
    texts = levels[:1] if _is_own(template) else levels
    problems = [problem for level in texts for problem in _problems(template, level)]
    if problems:
        raise PipelineError(problems)


def _is_own(template: str) -> bool:
    return Path(template).is_absolute()


def _check_builtin(template: str, levels: Sequence[str]) -> None:
    names = sorted(folder.name for folder in _TEMPLATES.iterdir() if folder.is_dir())
    if template not in names:
        text = f"there is no template {template!r}; there are {', '.join(names)}, or the path of your own"
        raise PipelineError([Problem(text, "prompt.template", suggestion=nearest(template, names))])
    known = [file.name.partition(".")[0] for file in sorted((_TEMPLATES / template).glob("[!_]*.j2"))]
    problems = [
        Problem(
            f"the template {template!r} has no level {level!r}; it has {', '.join(known)}",
            "prompt.levels",
            suggestion=nearest(level, known),
        )
        for level in levels
        if level not in known
    ]
    if problems:
        raise PipelineError(problems)


def _problems(template: str, level: str) -> list[Problem]:
    """Mistakes in the text of one template: its syntax, and variables that nobody sets."""
    import jinja2
    from jinja2 import meta, nodes

    environment = _environment(_folder(template))
    name = _template_name(template, level)
    try:
        source, filename, _ = _loader(environment).get_source(environment, name)
        tree = environment.parse(source, name, filename)
        environment.get_template(name)
    except (jinja2.TemplateError, OSError, UnicodeDecodeError) as error:
        return [_problem(error, template)]
    unknown = meta.find_undeclared_variables(tree) - {*_VARIABLES, *environment.globals}
    return [
        Problem(
            f"the variable {node.name!r} is unknown; there are {', '.join(_VARIABLES)}",
            "prompt.template",
            filename or template,
            node.lineno,
            suggestion=nearest(node.name, _VARIABLES),
        )
        for node in tree.find_all(nodes.Name)
        if node.name in unknown
    ]


@functools.cache
def _environment(folder: Path) -> jinja2.Environment:
    """Strict about unknown variables, without HTML escapes; a user's template may extend a built-in one."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _TEMPLATES]),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  # prompts are no HTML
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(capped=capped, fenced=fenced, inline=inline, place=place)
    environment.globals.update(excerpts=excerpts)
    return environment


def _loader(environment: jinja2.Environment) -> jinja2.BaseLoader:
    assert environment.loader is not None
    return environment.loader


def _folder(template: str) -> Path:
    return Path(template).parent if _is_own(template) else _TEMPLATES


def _template_name(template: str, level: str) -> str:
    return Path(template).name if _is_own(template) else f"{template}/{level}.md.j2"


def _problem(error: Exception, template: str) -> Problem:
    """What a template did wrong, and where: Jinja2 gives its tracebacks the lines of the template."""
    import jinja2

    path = "prompt.template"
    if isinstance(error, jinja2.TemplateSyntaxError):
        return Problem(str(error.message), path, error.filename or template, error.lineno, 1)
    if isinstance(error, jinja2.TemplateNotFound):
        return Problem(f"there is no template {error.name!r}", path, template)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_template(frame.filename)]
    text = str(error) if isinstance(error, jinja2.TemplateError) else f"{type(error).__name__}: {error}"
    if not frames:
        return Problem(text, path, template)
    return Problem(text, path, frames[-1].filename, frames[-1].lineno or 0, 1)


def _is_template(filename: str) -> bool:
    return not filename.endswith(".py")
