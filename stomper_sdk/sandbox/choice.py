"""The sandbox that a pipeline asks for: tried out here, once, or refused."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import attrs

import stomper_sdk
from stomper_sdk.errors import CommandError, MachineError, UsageError
from stomper_sdk.model.pipeline import SandboxSpec
from stomper_sdk.process import run_command
from stomper_sdk.sandbox.base import Sandbox
from stomper_sdk.sandbox.bubblewrap import HIDDEN, bubblewrap_prefix
from stomper_sdk.sandbox.landlock import landlock_prefix
from stomper_sdk.sandbox.launcher import PROCESSORS, landlock_version
from stomper_sdk.sandbox.limits import Limits
from stomper_sdk.sandbox.proxy import address_of

__all__ = ["find_sandbox"]

#: The strongest first.
_PREFIXES = {"bubblewrap": bubblewrap_prefix, "landlock": landlock_prefix}
_HINTS = {
    "bubblewrap": "Install bubblewrap (apt-get install bubblewrap), and allow user name spaces.",
    "landlock": "Run it on a newer Linux, or where landlock is among /sys/kernel/security/lsm.",
    "auto": "Install bubblewrap (apt-get install bubblewrap), or run it on Linux 6.12 or newer.",
}
# Since then it keeps signals in.
_OLDEST_LANDLOCK = 6
_SECONDS = 20.0
_TRIAL = 'echo tried > "$1/in"; echo tried > "$2/out"; exit 0'


async def find_sandbox(
    spec: SandboxSpec, root: Path, git_dirs: Sequence[Path] = (), hosts: Iterable[str] = ()
) -> Sandbox | None:
    """The sandbox of a run; None where the pipeline wants none.

    Args:
        spec: what the pipeline says.
        root: the top of the user's checkout.
        git_dirs: the repository's own folders, in which nothing inside may write.
        hosts: addresses of models besides those that the pipeline names.

    Raises:
        MachineError: what is asked for does not work on this machine; it never becomes less.
        UsageError: a folder of `sandbox.writable` is missing, or holds the repository.
    """
    if spec.kind == "none":
        return None
    writable = tuple(_writable(name, root, git_dirs) for name in spec.writable)
    shown = tuple(_shown(root, git_dirs, network=spec.network == "allow"))
    limits, reasons = Limits(spec.memory, spec.processes), []
    addresses = frozenset(address_of(host) for host in (*spec.model_hosts, *hosts))
    for kind in _PREFIXES if spec.kind == "auto" else (spec.kind,):
        sandbox = Sandbox(kind, _PREFIXES[kind], limits, spec.network, writable, shown, addresses)
        reason = _missing(sandbox) or await _tried(sandbox)
        if not reason:
            return sandbox
        reasons.append(f"{kind} does not work here: {reason}")
    raise MachineError(f"sandbox.kind: {'; '.join(reasons)}", _HINTS[spec.kind])


def _writable(name: str, root: Path, git_dirs: Sequence[Path]) -> Path:
    path = (root / Path(name).expanduser()).resolve()
    if not path.exists():
        raise UsageError(f"sandbox.writable: there is no {path}", "Make it, or leave it out.")
    for git_dir in git_dirs:
        if path.is_relative_to(git_dir) or git_dir.is_relative_to(path):
            text = f"sandbox.writable: {path} would open the repository's {git_dir}"
            raise UsageError(text, "Name a folder that does not hold it.")
    return path


def _shown(root: Path, git_dirs: Sequence[Path], *, network: bool) -> Iterator[Path]:
    """What programs need of the folders that are hidden."""
    programs = map(Path, os.environ.get("PATH", os.defpath).split(os.pathsep))
    python = (Path(sys.prefix), Path(sys.base_prefix), Path(stomper_sdk.__file__).parent)
    names = (Path("/run/systemd/resolve"),) if network else ()
    for path in (root, *git_dirs, *python, *programs, *names):
        real = path.resolve()
        if path.is_absolute() and real.is_dir() and any(folder in real.parents for folder in HIDDEN):
            yield real


def _missing(sandbox: Sandbox) -> str:
    if sys.platform != "linux":
        return "it is a part of Linux"
    if sandbox.kind == "bubblewrap":
        return "" if shutil.which("bwrap") else "the program bwrap is missing"
    if landlock_version() < _OLDEST_LANDLOCK:
        return "Linux 6.12 or newer is needed, with Landlock switched on"
    if sandbox.network != "allow" and platform.machine() not in PROCESSORS:
        return f"it cannot keep a program on {platform.machine()} from the network (sandbox.network)"
    return ""


async def _tried(sandbox: Sandbox) -> str:
    """What speaks against a sandbox that should let a program write in one folder and not in another."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        inside, outside = Path(one), Path(other)
        cell = attrs.evolve(sandbox, shown=(*sandbox.shown, outside)).around(inside).talking()
        words = ["sh", "-c", _TRIAL, "sh", str(inside), str(outside)]
        try:
            done = await run_command(words, cwd=inside, timeout=_SECONDS, confinement=cell)
        except CommandError as error:
            return error.message
        if done.exit_code != 0 or _is_empty(inside):
            return done.error_text.strip()[-500:] or f"a trial {done.ending}"
        return "" if _is_empty(outside) else "what is inside can write outside"


def _is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())
