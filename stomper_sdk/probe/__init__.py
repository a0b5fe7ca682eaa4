"""What happened in a run of pytest, told by a plugin of ours instead of read from its output.

Add `probe_arguments` to pytest's arguments, give it `probe_environment`, and `read_probe` afterwards.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs.validators import deep_iterable, in_, instance_of, optional

__all__ = ["ProbeReport", "TestOutcome", "probe_arguments", "probe_environment", "read_probe"]


@attrs.frozen
class TestOutcome:
    """What became of one test, or of one file that could not be collected (`phase` is `collect`).

    `file` is absolute, `line` counts from 1; `message` is one line, `longrepr` pytest's own report.
    """

    __test__ = False

    nodeid: str = attrs.field(validator=instance_of(str))
    file: str = attrs.field(validator=instance_of(str))
    line: int | None = attrs.field(validator=optional(instance_of(int)))
    outcome: Literal["passed", "failed", "skipped", "xfailed", "error"] = attrs.field(
        validator=in_(("passed", "failed", "skipped", "xfailed", "error"))
    )
    phase: str = attrs.field(validator=instance_of(str))
    message: str = attrs.field(validator=instance_of(str))
    longrepr: str = attrs.field(validator=instance_of(str))


@attrs.frozen
class ProbeReport:
    """What became of a run; `foreign_modules` holds the files imported from the foreign folders."""

    exit_status: int = attrs.field(validator=instance_of(int))
    tests: tuple[TestOutcome, ...]
    collection_errors: tuple[TestOutcome, ...] = ()
    foreign_modules: tuple[str, ...] = attrs.field(default=(), validator=deep_iterable(instance_of(str)))


def probe_arguments() -> tuple[str, ...]:
    return ("-p", "stomper_probe")


def probe_environment(report: Path, env: Mapping[str, str], foreign: Sequence[Path]) -> dict[str, str]:
    """The environment with the probe in it; it comes last on PYTHONPATH, so that it hides no module.

    Pytest's own temporary folders go beside the report, to be removed with it.

    Args:
        report: the file that the probe is to write.
        env: the whole environment of the tests.
        foreign: folders from which no module may be imported, as the user's checkout.
    """
    roots = [env.get("PYTHONPATH", ""), str(Path(__file__).parent)]
    return {
        **env,
        "PYTEST_DEBUG_TEMPROOT": str(report.parent),
        "PYTHONPATH": os.pathsep.join(filter(None, roots)),
        "STOMPER_PROBE_REPORT": str(report),
        "STOMPER_PROBE_FOREIGN": os.pathsep.join(map(str, foreign)),
    }


def read_probe(report: Path) -> ProbeReport | None:
    """What the probe wrote.

    None where pytest ended before it could, crashed or could not start; or where what is there was written by
    somebody else, as tests can.
    """
    try:
        found = json.loads(report.read_bytes())
        return ProbeReport(
            exit_status=found["exit_status"],
            tests=_outcomes(found["tests"]),
            collection_errors=_outcomes(found["collection_errors"]),
            foreign_modules=tuple(found["foreign_modules"]),
        )
    except (AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError):
        return None


def _outcomes(entries: Sequence[Mapping[str, Any]]) -> tuple[TestOutcome, ...]:
    return tuple(TestOutcome(**entry) for entry in entries)
