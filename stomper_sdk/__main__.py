"""`python -m stomper_sdk` is `stomper-sdk`."""

import sys

from stomper_sdk.cli import main

sys.exit(main())
