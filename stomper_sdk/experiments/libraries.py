"""The libraries for statistics, which are an extra: loaded when something is computed."""

from __future__ import annotations

from functools import partial

from stomper_sdk.extras import needed as _needed

__all__ = ["needed"]

needed = partial(_needed, what="comparing variants", extra="experiments")
