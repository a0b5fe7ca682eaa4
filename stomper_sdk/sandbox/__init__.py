"""What programs are shut in, so that they write in their workspace and nowhere else."""

from __future__ import annotations

from stomper_sdk.sandbox.base import Sandbox
from stomper_sdk.sandbox.choice import find_sandbox

__all__ = ["Sandbox", "find_sandbox"]
