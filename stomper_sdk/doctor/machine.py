"""What is installed, whatever the repository: Python, git, plug-ins."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from stomper_sdk import __version__
from stomper_sdk.agents.base import AGENTS
from stomper_sdk.checks.base import CHECKS
from stomper_sdk.doctor.remark import Remark, remark_of
from stomper_sdk.errors import PipelineError, StomperError
from stomper_sdk.reducers import REDUCERS
from stomper_sdk.registry import Registry
from stomper_sdk.stages.base import STAGES
from stomper_sdk.vcs.git import check_git

__all__ = ["git_remark", "plugin_remarks", "python_remark"]

_NAME = re.compile(r"[\w.-]+")
_UNINSTALL = "Mend the package that offers it, or uninstall it."


def python_remark() -> Remark:
    """The versions of Python, of this package, and of those that it stands on."""
    wanted = [line for line in metadata.requires("stomper_sdk") or () if "extra ==" not in line]
    names = [match[0] for line in wanted if (match := _NAME.match(line))]
    versions = {name: _version(name) for name in names}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        return Remark(
            "problem", "python", f"{', '.join(missing)} missing", f"pip install {' '.join(missing)}"
        )
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Remark("ok", "python", f"{platform.python_version()}, stomper_sdk {__version__}, {told}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def git_remark() -> Remark:
    try:
        return Remark("ok", "git", check_git())
    except StomperError as error:
        return remark_of(error, "git")


def plugin_remarks() -> Iterator[Remark]:
    """Plug-ins of installed packages that cannot be had, and how many can."""
    registries: tuple[Registry[Any], ...] = (AGENTS, CHECKS, STAGES, REDUCERS)
    usable = 0
    for registry in registries:
        for name, plugin in registry.each():
            if isinstance(plugin, PipelineError):
                yield Remark("warning", "plug-ins", plugin.message, plugin.hint or _UNINSTALL)
            else:
                usable += name not in registry.built_in()
    if usable:
        yield Remark("ok", "plug-ins", f"{usable} of installed packages")
