"""The rules by name; each says what it has against a fix."""

from __future__ import annotations

from collections.abc import Mapping

from stomper_sdk.guard.base import Rule
from stomper_sdk.guard.casts import any_casts
from stomper_sdk.guard.configs import config_edits
from stomper_sdk.guard.content import binary, executables, links_out, secrets
from stomper_sdk.guard.deletions import deletions
from stomper_sdk.guard.suppressions import suppressions
from stomper_sdk.guard.tests import test_edits

__all__ = ["RULES"]

RULES: Mapping[str, Rule] = {
    "any_casts": any_casts,
    "binary": binary,
    "config_edits": config_edits,
    "deletions": deletions,
    "executables": executables,
    "links_out": links_out,
    "secrets": secrets,
    "suppressions": suppressions,
    "test_edits": test_edits,
}
