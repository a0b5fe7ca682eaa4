"""Kill runs at random moments and go on with them, many times: `python benchmarks/kills.py [COUNT]`.

Each of the tests in tests/test_kills.py is one run, killed once or twice, alone or with all that it has
started, resumed, and compared with a run that nobody killed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1] / "tests" / "test_kills.py"

if __name__ == "__main__":
    count = sys.argv[1] if len(sys.argv) > 1 else "200"
    sys.exit(pytest.main([str(TESTS), f"--kills={count}", "--quiet", "-p", "no:cacheprovider"]))
