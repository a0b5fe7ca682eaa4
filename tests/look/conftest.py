"""One browser for all that is looked at in one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import Browser, chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started
