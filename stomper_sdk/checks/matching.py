"""The matches of a user's pattern, found in a process of their own.

Some patterns take longer than anybody waits, and what runs in `re` cannot be stopped: in this process it
would hold up everything, Ctrl-C included.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs

from stomper_sdk.errors import CommandError
from stomper_sdk.process import run_command

__all__ = ["Match", "find_matches"]

_PROGRAM = """
import json, re, sys
pattern, flags, text = json.load(sys.stdin)
json.dump([(match[0], match.groupdict()) for match in re.finditer(pattern, text, flags)], sys.stdout)
"""


@attrs.frozen
class Match:
    """A match: the whole of its text, and its named groups; None for one that took no part."""

    text: str
    parts: Mapping[str, str | None]


async def find_matches(
    pattern: re.Pattern[str], text: str, *, timeout: float, max_output: int
) -> tuple[Match, ...]:
    """Every match of a pattern in a text.

    Args:
        pattern: what to look for.
        text: where.
        timeout: seconds until the search is ended.
        max_output: the bytes that the matches may take.

    Raises:
        CommandTimeout: it took longer.
        CommandError: there are too many, or no room for them.
    """
    if not text:
        return ()
    done = await run_command(
        [sys.executable, "-I", "-S", "-c", _PROGRAM],
        cwd=Path(os.sep),
        timeout=timeout,
        stdin=json.dumps([pattern.pattern, int(pattern.flags), text]).encode(),
        max_output=max_output,
    )
    if done.exit_code or done.truncated:
        raise CommandError("the pattern matches more than there is room for")
    return tuple(Match(whole, parts) for whole, parts in json.loads(done.stdout))
