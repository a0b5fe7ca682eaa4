"""The commands, one small file each.

`declare(command)` says what it takes, `perform(options, console)` does it and returns the exit code. A
command is imported when it is called for, and what it needs when it is performed: `--help` answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

__all__ = ["COMMANDS", "Entry"]


@attrs.frozen
class Entry:
    """What a command is good for, in one line, and the module that holds it."""

    meaning: str
    module: str


COMMANDS: Mapping[str, Entry] = {
    "run": Entry("fix what the checks report, and commit it", "run"),
    "plan": Entry("show what a run would do, change nothing", "plan"),
    "prompt": Entry("print what an agent would be told of a file, ask none", "prompt"),
    "init": Entry("look at the repository and write a pipeline that fits it", "init"),
    "validate": Entry("check pipelines, run nothing", "validate"),
    "graph": Entry("draw a pipeline", "graph"),
    "demo": Entry("fix real code in a throw-away repository, offline", "demo"),
    "runs": Entry("look at past runs", "runs"),
    "experiment": Entry("try variants of a pipeline on the same findings, and compare them", "experiment"),
    "experiments": Entry("look at past experiments", "experiments"),
    "stats": Entry("show what was learned from past runs", "stats"),
    "clean": Entry("remove what a killed run left behind", "clean"),
    "doctor": Entry("see what is missing, and how to mend it", "doctor"),
    "agents": Entry("list the agents that a pipeline can use", "plugins"),
    "checks": Entry("list the checks that a pipeline can use", "plugins"),
    "reducers": Entry("list the reducers that a pipeline can use", "plugins"),
    "stages": Entry("list the stages that a pipeline can have", "plugins"),
    "schema": Entry("print the JSON Schema of what is read or printed", "schema"),
    "completion": Entry("print a script that completes commands and options in a shell", "completion"),
}
