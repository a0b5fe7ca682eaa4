"""Measure the product against its peers: `python benchmarks/run.py [--quick] [--only NAME]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from cases import CASES
from measure import Row, print_table, progress
from repos import NotDoneError


def main() -> int:
    options = _options()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        for name in options.only or CASES:
            progress(f"{name}: {CASES[name].__doc__}")
            try:
                rows += CASES[name](Path(folder), options.quick)
            except NotDoneError as error:
                print(f"{name}: the job was not done: {error}", file=sys.stderr)
                return 1
    print_table(rows)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, not a measurement")
    parser.add_argument("--only", action="append", choices=CASES, metavar="NAME", help=", ".join(CASES))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
