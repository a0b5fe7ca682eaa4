"""Which tools are installed, and at which version."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

import attrs
import trio

from stomper_sdk.agents.presets.base import Preset
from stomper_sdk.agents.presets.tool import PLACES, filled
from stomper_sdk.errors import CommandError
from stomper_sdk.process import clean_environment, find_program, run_command

__all__ = ["Installed", "look_for"]

_SECONDS = 20.0
_VERSION = re.compile(r"\d+\.\d+(?:[\w.+-]*\w)?")


@attrs.frozen
class Installed:
    """A tool: where its program is, None where it is missing, and its version, empty where it tells none."""

    preset: Preset
    path: str | None = None
    version: str = ""

    @property
    def said(self) -> str:
        """In a few words."""
        return "not installed" if self.path is None else f"installed: {self.version or 'version unknown'}"


async def look_for(presets: Iterable[Preset]) -> tuple[Installed, ...]:
    """Ask every tool that is there for its version, side by side, each in an empty home."""
    wanted = tuple(presets)
    found: dict[str, Installed] = {}

    async def look(preset: Preset) -> None:
        path = find_program(preset.program)
        version = "" if path is None else await _version(path, preset)
        found[preset.name] = Installed(preset, path, version)

    async with trio.open_nursery() as nursery:
        for preset in wanted:
            nursery.start_soon(look, preset)
    return tuple(found[preset.name] for preset in wanted)


async def _version(path: str, preset: Preset) -> str:
    with tempfile.TemporaryDirectory(prefix="stomper-home-", ignore_cleanup_errors=True) as home:
        (Path(home) / "tmp").mkdir()
        places = {name: filled(value, {"home": home}) for name, value in PLACES.items()}
        env = {**clean_environment(), **places}
        try:
            done = await run_command([path, *preset.version], cwd=Path(home), timeout=_SECONDS, env=env)
        except CommandError:
            return ""
    told = _VERSION.search(done.text) if done.exit_code == 0 else None
    return told[0] if told else ""
