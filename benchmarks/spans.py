"""Run a pipeline from Python and print the seconds from the first file's start to the last file's end."""

from __future__ import annotations

import sys

import stomper_sdk
from stomper_sdk.events import Event, FileFinished, FileStarted


def main() -> int:
    times: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, FileStarted | FileFinished):
            times.append(event.time)

    only = stomper_sdk.Selection(agents=("bench",))
    result = stomper_sdk.run(sys.argv[1], only=only, listeners=[listen])
    print(max(times) - min(times))
    return result.exit_code


if __name__ == "__main__":
    sys.exit(main())
