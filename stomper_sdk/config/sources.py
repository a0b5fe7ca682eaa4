"""Where a pipeline's text comes from: a file, a shipped pipeline, a text, a mapping."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import attrs

from stomper_sdk.config.document import Node, Place, from_python
from stomper_sdk.config.reader import Kind, read_file, read_text
from stomper_sdk.errors import PipelineError, Problem, StomperError
from stomper_sdk.options import nearest

__all__ = [
    "Layer",
    "builtin_pipelines",
    "find_base",
    "find_experiment",
    "find_pipeline",
    "find_source",
    "is_file",
    "shipped_dir",
]

_PACKAGE = Path(__file__).resolve().parent.parent
_KNOWN_FILES = {"schema": "pipeline.schema.json", "pipelines": "default.yaml"}


def shipped_dir(kind: Literal["schema", "pipelines"]) -> Path:
    """The folder of the shipped files: in the package of a wheel, beside the package of a checkout.

    Raises:
        StomperError: if the installation lacks them.
    """
    for folder in (_PACKAGE / "_shipped" / kind, _PACKAGE.parent / kind):
        if (folder / _KNOWN_FILES[kind]).is_file():
            return folder
    raise StomperError(
        f"the installation lacks its {kind} folder", "Install stomper_sdk again, from a wheel."
    )


def builtin_pipelines() -> tuple[str, ...]:
    """The names of the shipped pipelines, sorted."""
    return tuple(sorted(path.stem for path in shipped_dir("pipelines").glob("*.yaml")))


@attrs.frozen
class Layer:
    """One text of a chain of `extends`; `path` is None where it has no file.

    `folder` is what its own `extends` is relative to, `origin` how messages call it.
    """

    root: Node
    origin: str
    folder: Path
    problems: tuple[Problem, ...] = ()
    path: Path | None = None


def find_source(source: str | os.PathLike[str] | Mapping[str, object] | Layer | None, repo: Path) -> Layer:
    """Read what the user named, as `load_pipeline` tells it.

    Raises:
        PipelineError: if there is no such pipeline, or it cannot be read.
    """
    if isinstance(source, Layer):
        return source
    if isinstance(source, Mapping):
        return _from_mapping(source, repo)
    if source is None:
        own = repo / "pipelines" / "default.yaml"
        return _from_file(own if own.is_file() else _shipped("default"))
    text = os.fspath(source)
    if "\n" in text:
        return _from_text(text, repo)
    path = find_pipeline(text, repo)
    if path is not None:
        return _from_file(path)
    if isinstance(source, str) and _looks_like_yaml(text):
        return _from_text(text, repo)
    raise _no_pipeline(text, repo)


def find_base(value: Node, layer: Layer) -> Layer:
    """Read what a layer extends.

    Raises:
        PipelineError: if it is not there, or cannot be read; placed where `extends` stands.
    """
    name = value.value
    if not isinstance(name, str) or not name:
        raise _extends(value, "expected a path or the name of a built-in pipeline")
    if "${" in name:
        raise _extends(value, "what is extended cannot come from the environment")
    path = _shipped(name) if name in builtin_pipelines() else layer.folder / name
    if not is_file(path):
        if _exists(path):
            raise _extends(value, f"{name} is no regular file")
        suggestion = nearest(name, builtin_pipelines())
        raise _extends(value, f"there is no file {name}", suggestion)
    return _from_file(path)


def find_experiment(source: str | os.PathLike[str] | Mapping[str, object], repo: Path) -> Layer:
    """Read the experiment that the user named: a path, YAML text of several lines, or a mapping.

    Raises:
        PipelineError: if there is no such file, or it cannot be read.
    """
    if isinstance(source, Mapping):
        return _from_mapping(source, repo)
    text = os.fspath(source)
    if "\n" in text:
        return _from_text(text, repo, "experiment")
    path = next((path for path in (Path(text), repo / text) if is_file(path)), None)
    if text and path is not None:
        return _from_file(path, "experiment")
    there = text and (_exists(Path(text)) or _exists(repo / text))
    message = "no regular file, hence no experiment" if there else "there is no such file"
    raise PipelineError([Problem(message, file=text or "the experiment")])


def _extends(value: Node, message: str, suggestion: str = "") -> PipelineError:
    place = value.place
    return PipelineError([Problem(message, "extends", place.file, place.line, place.column, suggestion)])


def find_pipeline(text: str, repo: Path) -> Path | None:
    """The file that is meant: a built-in name, a path from here or from the repo, a shipped one."""
    if text in builtin_pipelines():
        return _shipped(text)
    for path in (Path(text), repo / text):
        if is_file(path):
            return path
    path = Path(text)
    shipped = path.parent == Path("pipelines") and path.suffix == ".yaml"
    return _shipped(path.stem) if shipped and path.stem in builtin_pipelines() else None


def _no_pipeline(text: str, repo: Path) -> PipelineError:
    names = builtin_pipelines()
    if not text:
        return PipelineError([Problem(f"expected a path or the name of a pipeline ({', '.join(names)})")])
    if _exists(Path(text)) or _exists(repo / text):
        return PipelineError([Problem("no regular file, hence no pipeline", file=text)])
    message = f"there is no such file, and no built-in pipeline of that name ({', '.join(names)})"
    return PipelineError([Problem(message, file=text, suggestion=nearest(text, names))])


def _looks_like_yaml(text: str) -> bool:
    return ": " in text or text.endswith(":") or text.lstrip().startswith("{")


def _shipped(name: str) -> Path:
    return shipped_dir("pipelines") / f"{name}.yaml"


def is_file(path: Path) -> bool:
    """Whether there is such a file; whatever is given as its name."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name longer than the system takes, or one with a NUL
        return False


def _exists(path: Path) -> bool:
    return os.path.lexists(path) if "\0" not in str(path) else False


def _from_file(path: Path, kind: Kind = "pipeline") -> Layer:
    origin = _display(path)
    root, problems = read_file(path, origin, kind)
    resolved = path.resolve()
    return Layer(root, origin, resolved.parent, tuple(problems), resolved)


def _from_text(text: str, repo: Path, kind: Kind = "pipeline") -> Layer:
    root, problems = read_text(text, "<text>", kind)
    return Layer(root, "<text>", repo, tuple(problems))


def _from_mapping(mapping: Mapping[str, object], repo: Path) -> Layer:
    return Layer(from_python(mapping, Place("<dict>")), "<dict>", repo)


def _display(path: Path) -> str:
    """The path as a user at the prompt would write it."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
