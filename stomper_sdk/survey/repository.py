"""All that a first look at a repository tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import attrs

from stomper_sdk.guard.limits import matches
from stomper_sdk.survey.testing import TestsFound, find_tests
from stomper_sdk.survey.tools import Tool, find_tools

__all__ = ["Survey", "take_survey"]

_LANGUAGES = {
    **dict.fromkeys((".py", ".pyi", ".ipynb"), "Python"),
    **dict.fromkeys((".ts", ".tsx", ".mts", ".cts"), "TypeScript"),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs"), "JavaScript"),
}
#: What somebody else wrote, or a program did.
_FOREIGN = (
    *("**/migrations/**", "**/vendor/**", "**/_vendor/**", "**/third_party/**", "**/node_modules/**"),
    *("**/dist/**", "**/generated/**", "**/__generated__/**"),
    *("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "versioneer.py", "*.min.js"),
)


@attrs.frozen
class Survey:
    """What git tracks in a repository, and what that tells of it.

    `languages` counts files, most first; `foreign` are globs of files that nobody here writes by hand;
    `links` are folders that git ignores and in which programs live that the tools and tests need.
    """

    languages: Mapping[str, int]
    tools: tuple[Tool, ...]
    tests: TestsFound
    foreign: tuple[str, ...]
    links: tuple[str, ...]


def take_survey(root: Path, files: Sequence[str]) -> Survey:
    """Look at a repository; nothing of it is run.

    Args:
        root: the top of the checkout.
        files: the repo-relative POSIX paths that git tracks.
    """
    foreign = tuple(glob for glob in _FOREIGN if any(map(matches([glob]), files)))
    own = [path for path in files if not matches(foreign)(path)]
    suffixes = (PurePosixPath(path).suffix for path in own)
    languages = dict(Counter(_LANGUAGES[end] for end in suffixes if end in _LANGUAGES).most_common())
    tools, tests = tuple(find_tools(root, languages)), find_tests(root, files)
    folders = [folder for folder in dict.fromkeys(_homes(tools, tests)) if (root / folder).is_dir()]
    tracked = {path.partition("/")[0] for path in files}
    return Survey(languages, tools, tests, foreign, tuple(f for f in folders if f not in tracked))


def _homes(tools: Sequence[Tool], tests: TestsFound) -> Iterator[str]:
    """The folders at the top, there or not, in which the programs and what they load live."""
    for words in (*((tool.program,) for tool in tools if tool.program), tests.command):
        yield from (word.partition("/")[0] for word in words if "/" in word)
    if tests.kind == "script":
        yield "node_modules"
