"""Every trial of some tools, as a table: `python -m tests.agents.real [TOOL...]`; it installs them first."""

from __future__ import annotations

import sys

from tests.agents.real.install import PACKAGES, install, tools_folder
from tests.agents.real.trial import CASES, shut_in

COLUMNS = "{:15} {:8} {:>7} {:>7} {:>8} {:>7} {:>6} {:>5} {:8} {:>4}  {}"


def main() -> None:
    head = (
        "tool",
        "case",
        "start s",
        "whole s",
        "requests",
        "in",
        "out",
        "exit",
        "sorted",
        "left",
        "dropped",
    )
    print(COLUMNS.format(*head), flush=True)
    for tool in sys.argv[1:] or PACKAGES:
        install(tool, tools_folder())
        for case in CASES:
            seen = shut_in(tool, case, tools_folder())
            told = (
                seen.started,
                seen.seconds,
                seen.requests,
                seen.tokens_in,
                seen.tokens_out,
                seen.exit_code,
            )
            shown = ("-" if value is None else value for value in told)
            ending = seen.failure or seen.outcome
            print(
                COLUMNS.format(tool, case, *shown, ending, seen.left, " ".join(seen.dropped + seen.obeyed)),
                flush=True,
            )


if __name__ == "__main__":
    main()
