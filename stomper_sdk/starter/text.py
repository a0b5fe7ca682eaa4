"""What was seen in a repository, as a pipeline in commented YAML.

Nothing in it is the repository's own text: names and globs come from our tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from stomper_sdk.errors import StomperError
from stomper_sdk.survey import NODE_PROGRAMS, Survey, TestsFound, Tool

__all__ = ["starter_text"]

_COLUMN = 34
# In the order of the cascade. Ruff is last: to ask it again, about what its fixes brought in, can help.
_FIXERS = {"eslint": "eslint-fix", "ruff": "ruff-fix"}
_OPENING = "# What `stomper-sdk run` does in this repository. What is left out has its default."
_STAGES = """\
stages:
  - initialize
  - collect_errors
  - for_each_file:                    # four at a time, each in a git worktree of its own
      - create_worktree
      - attempt:                      # what one leaves, the next one is told
          - generate_prompt
          - call_agent: {use: [%s]}
          - verify_fixes
          - run_tests
      - extract_diff
      - apply_to_main
      - commit_in_main
      - destroy_worktree
  - aggregate_results
  - cleanup

reducers:
  successful_fixes:   {reduce: append, from: path, where: succeeded}
  failed_fixes:       {reduce: append, from: path, where: failed}
  total_errors_fixed: {reduce: sum, from: fixed_count}
  fixed_by_code:      {reduce: tally, from: fixed_codes}
"""


def starter_text(survey: Survey) -> str:
    """The pipeline that fits; it can be run as it is.

    Raises:
        StomperError: no check fits, so that there is nothing to begin with.
    """
    checks = [tool.name for tool in survey.tools if tool.program]
    if not checks:
        raise _nothing_fits(survey)
    agents = [fixer for check, fixer in _FIXERS.items() if check in checks] or ["mine"]
    sections = (
        [_OPENING, "version: 1"],
        [
            _line("checks:", "who finds what is wrong, and looks again after each fix"),
            *map(_check, survey.tools),
        ],
        [_line("agents:", "who edits"), *_agents(survey.tools, agents)],
        *_files(survey.foreign),
        *_retry(agents),
        [_line("test_validation:", "what must hold after a fix as it did before"), *_tests(survey.tests)],
        *_workspace(survey.links),
    )
    return "\n\n".join([*map("\n".join, sections), _STAGES % ", ".join(agents)])


def _nothing_fits(survey: Survey) -> StomperError:
    missing = [f"{tool.name} ({tool.configured_in}): {tool.install}" for tool in survey.tools]
    if missing:
        return StomperError("what is configured here is not installed", f"Install {'; '.join(missing)}.")
    seen = ", ".join(survey.languages) or "no Python, JavaScript or TypeScript"
    return StomperError(
        f"no check fits: git tracks {seen} here, and no linter is configured",
        "Any tool can be a check: name it in a pipeline of your own with `use: regex` or `use: sarif`.",
    )


def _line(text: str, comment: str) -> str:
    return f"{text:<{_COLUMN}}  # {comment}"


def _check(tool: Tool) -> str:
    where = f"configured in {tool.configured_in}" if tool.configured_in else "with its own defaults"
    if tool.program is None:
        return _line(f"  # {tool.name}: {{use: {tool.name}}}", f"{where}, but missing: {tool.install}")
    known = tool.program in (tool.name, f"{NODE_PROGRAMS}/{tool.name}")
    command = "" if known else f", command: {tool.program}"
    return _line(f"  {tool.name}: {{use: {tool.name}{command}}}", where)


def _agents(tools: Sequence[Tool], agents: Sequence[str]) -> Iterator[str]:
    if len(agents) > 1:
        yield "  # Attempt 1 goes to the first of call_agent below, 2 to the next: each has its own files."
    if "eslint-fix" in agents:
        program = next(tool.program for tool in tools if tool.name == "eslint")
        yield "  eslint-fix:"
        yield "    use: command"
        yield f'    run: [{program}, --fix, "{{file}}"]'
        yield "    prompt: none"
        yield _line("    ok_exit_codes: [0, 1]", "1: it did what it could, and something is left")
    if "ruff-fix" in agents:
        yield _line("  ruff-fix: {use: ruff-fix, unsafe_fixes: true}", "false: only what ruff calls safe")
    yield "  # An agent of yours is a program that reads the prompt and edits files in its working folder."
    if agents == ["mine"]:
        yield _line('  mine: {use: command, run: ["true"], prompt: stdin}', "`true` does nothing: name yours")
    else:
        yield "  # For what the others leave, it comes last in call_agent."
        yield "  # mine: {use: command, run: [my-agent, --yes], prompt: stdin}"


def _files(foreign: Sequence[str]) -> Iterator[list[str]]:
    if foreign:
        yield ["files:", _line(f"  exclude: {json.dumps(foreign)}", "written elsewhere, or by a program")]


def _retry(agents: Sequence[str]) -> Iterator[list[str]]:
    if agents == ["eslint-fix"]:
        yield [_line("retry: {max_attempts: 1}", "one for each agent: to ask eslint again brings nothing")]


def _tests(tests: TestsFound) -> Iterator[str]:
    yield from (f"  # {note}" for note in tests.notes)
    if tests.kind == "pytest":
        yield _line("  mode: quick", "what a change can reach; full: all tests, none: no tests")
        yield _line(f"  command: {tests.command[0]}", "pytest")
    elif tests.kind == "script":
        yield _line("  mode: full", "for each file; final: once, at the end; none: no tests")
        yield _line(f"  command: [{', '.join(tests.command)}]", "CI=true: run once, watch nothing")
    else:
        yield _line("  mode: none", "no tests were found; with command: [...], quick, full or final")


def _workspace(links: Iterable[str]) -> Iterator[list[str]]:
    if links:
        yield ["workspace:", _line(f"  link: [{', '.join(links)}]", "from your checkout: git ignores it")]
