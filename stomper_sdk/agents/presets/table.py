"""Every preset, by its name in a pipeline."""

from __future__ import annotations

from collections.abc import Mapping

from stomper_sdk.agents.presets import aider, claude_code, codex, cursor, gemini, mini_swe_agent, opencode
from stomper_sdk.agents.presets.base import Preset

__all__ = ["PRESETS"]

PRESETS: Mapping[str, Preset] = {
    module.PRESET.name: module.PRESET
    for module in (aider, claude_code, codex, cursor, gemini, mini_swe_agent, opencode)
}
