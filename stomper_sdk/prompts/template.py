"""Where a template is found, and what is wrong with it, told before anything runs.

Built-in templates have a file for each level. One of the user's own is a file for all levels, or a folder
with a file for each. Whoever writes one is trusted no more than needed: it is rendered in Jinja2's
sandbox, and reads no file but templates in its own folder and the built-in ones.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from stomper_sdk.errors import PipelineError, Problem
from stomper_sdk.options import nearest
from stomper_sdk.prompts.environment import BUILT_IN, ENDING, SUFFIX, environment_of, problem_of
from stomper_sdk.prompts.inspection import named_by, problems_in, reached_from
from stomper_sdk.prompts.sample import SAMPLE
from stomper_sdk.prompts.values import VARIABLES

if TYPE_CHECKING:
    import jinja2

__all__ = ["OWN_FOLDERS", "Template", "load_template", "mentions", "template_path"]

#: Where a repository keeps its own, by name; the first that has it counts.
OWN_FOLDERS = (".stomper/prompts", "prompts")
_NAME = re.compile(r"[\w-]+")


@attrs.frozen(eq=False)
class Template:
    """What prompts are made of: by level, the compiled text and the variables that it speaks of.

    It is read once: what was checked is what is used, whatever becomes of its files meanwhile.
    """

    name: str
    texts: Mapping[str, jinja2.Template] = attrs.field(repr=False)
    variables: Mapping[str, frozenset[str]] = attrs.field(repr=False)


@attrs.frozen
class _Place:
    """A folder that holds templates, and a file or a folder of files in it."""

    folder: Path
    name: str
    by_level: bool

    def file(self, level: str) -> str:
        return f"{self.name}/{level}{SUFFIX}" if self.by_level else self.name


def load_template(declared: str, root: Path, levels: Sequence[str]) -> Template:
    """Find a template and see whether every prompt can be made of it.

    Args:
        declared: a built-in name; the name of one in `.stomper/prompts` or `prompts` of the repository,
            without its suffix; or a path from the top of the repository.
        root: the top of the user's checkout.
        levels: the levels of the pipeline; a single file may be given any names.

    Raises:
        PipelineError: no such template or level, a syntax error, a variable or block that there is not, or
            an error when it is rendered with an example; with its file and line.
    """
    place = _place(declared, root)
    _check_levels(place, levels)
    if place.folder == BUILT_IN:
        return _built_in(place)
    return _loaded(place, tuple(levels), str(place.folder / place.name))


def template_path(declared: str, root: Path) -> str:
    """What the same template is called from anywhere: a built-in one's name, or a whole path.

    Raises:
        PipelineError: there is no such template.
    """
    place = _place(declared, root)
    return declared if place.folder == BUILT_IN else str(place.folder / place.name)


def mentions(template: Template, level: str, variable: str) -> bool:
    """Whether a prompt of that level speaks of a variable; what costs time is left out where it does not."""
    return variable in template.variables[level]


@functools.cache
def _built_in(place: _Place) -> Template:
    return _loaded(place, tuple(_levels(place)), place.name)


def _place(declared: str, root: Path) -> _Place:
    """Built-in names come first: a repository's folder `prompts` may be about something else."""
    if declared in _names(BUILT_IN):
        return _Place(BUILT_IN, declared, True)
    if _NAME.fullmatch(declared):
        wanted = [root / folder / f"{declared}{end}" for folder in OWN_FOLDERS for end in (SUFFIX, "")]
    else:
        wanted = [root / Path(declared).expanduser()]
        if wanted[0].is_file() and not declared.endswith(ENDING):
            text = f"the name of a template ends in {ENDING}, so that no other file is taken for one"
            raise PipelineError([Problem(text, "prompt.template")])
    for path in wanted:
        if path.is_file() or path.is_dir():
            return _Place(path.parent, path.name, path.is_dir())
    raise PipelineError([_missing(declared, root)])


def _missing(declared: str, root: Path) -> Problem:
    own = {name for folder in OWN_FOLDERS for name in _names(root / folder)}
    names = sorted(own | _names(BUILT_IN))
    text = f"there is no template {declared!r}; there are {', '.join(names)}, or the path of your own"
    return Problem(text, "prompt.template", suggestion=nearest(declared, names))


def _names(folder: Path) -> set[str]:
    """The templates in a folder, by name."""
    if not folder.is_dir():
        return set()
    files = {path.name.removesuffix(SUFFIX) for path in folder.glob(f"[!_]*{SUFFIX}")}
    return files | {path.parent.name for path in folder.glob(f"*/[!_]*{SUFFIX}")}


def _levels(place: _Place) -> list[str]:
    files = sorted((place.folder / place.name).glob(f"[!_]*{SUFFIX}"))
    return [file.name.removesuffix(SUFFIX) for file in files]


def _check_levels(place: _Place, levels: Sequence[str]) -> None:
    known = _levels(place) if place.by_level else levels
    problems = [
        Problem(
            f"the template {place.name!r} has no level {level!r}; it has {', '.join(known) or 'none'}",
            "prompt.levels",
            suggestion=nearest(level, known),
        )
        for level in levels
        if level not in known
    ]
    if problems:
        raise PipelineError(problems)


def _loaded(place: _Place, levels: Sequence[str], shown: str) -> Template:
    """The template; its parts are looked at before any is compiled, for problems that name their place."""
    environment = environment_of(place.folder)
    problems: list[Problem] = []
    texts, variables = {}, {}
    for level in levels:
        try:
            reached = reached_from(environment, place.file(level), level)
            found = list(problems_in(reached))
            texts[level] = environment.get_template(place.file(level))
            if not found and place.folder != BUILT_IN:
                texts[level].render({**SAMPLE, "level": level})
        # A template is the user's code: whatever it raises is a mistake in it.
        except Exception as error:
            found = [problem_of(error, shown)]
        else:
            variables[level] = frozenset(VARIABLES) if reached.unknown else frozenset(named_by(reached))
        problems += found
    if problems:
        raise PipelineError(list(dict.fromkeys(problems)))
    return Template(place.name, texts, variables)
