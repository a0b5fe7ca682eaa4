"""Bubblewrap: name spaces of Linux, in which there are no other processes and nothing else can be written.

What bubblewrap hides: other processes, the network unless it is left open, other programs' sockets and
temporary files (`/run`, `/tmp`, `/dev/shm`), and folders of the user's home in which secrets usually are.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from stomper_sdk.sandbox import relay
from stomper_sdk.sandbox.bare import bare_python
from stomper_sdk.sandbox.base import SOCKET, Cell

__all__ = ["HIDDEN", "bubblewrap_prefix"]

#: Folders in which other programs listen, or leave what is theirs.
HIDDEN = (Path("/run"), Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108
_SECRETS = (
    *(".aws", ".azure", ".config/gcloud", ".config/gh", ".docker", ".git-credentials", ".gnupg"),
    *(".kube", ".netrc", ".npmrc", ".password-store", ".pypirc", ".ssh"),
)
# No session of its own is asked for: every command has one already, without a terminal.
# The system ends bubblewrap with the thread that started it, and ours end long before a command may: so a
# shell starts it, and stays. With the shell's end everything inside ends, whatever it has made of itself.
_SHELL = 'ulimit -c 0; ulimit -d "$1"; shift; "$0" "$@"; exit $?'
_SMALL = str(1024 * 1024)


def bubblewrap_prefix(cell: Cell, own: Path, cwd: Path) -> list[str]:
    """The words before those of a command that is to run in a cell.

    Args:
        cell: says what can be written.
        own: the command's private folder.
        cwd: its working directory.
    """
    sandbox = cell.sandbox
    options = [
        *("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *([] if sandbox.network == "allow" else ["--unshare-net"]),
        *("--cap-drop", "ALL", "--die-with-parent"),
        *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
        *("--size", _SMALL, "--tmpfs", "/run"),
        *("--size", str(sandbox.limits.memory), "--perms", "1777", "--tmpfs", "/dev/shm"),  # noqa: S108
        *_bound("--bind", ((own / "tmp", place) for place in map(Path, ("/tmp", "/var/tmp")))),  # noqa: S108
        *_masked(),
        *_bound("--ro-bind", ((path, path) for path in (*sandbox.shown, *cell.shown))),
        *_bound("--bind", ((path, path) for path in (*sandbox.writable, *cell.places, own))),
        *_bound("--ro-bind", ((git, git) for git in _git_files(cell))),
        *("--remount-ro", "/run", "--remount-ro", "/dev", "--chdir", str(cwd.resolve()), "--"),
    ]
    program = shutil.which("bwrap") or "bwrap"
    carried = [] if cell.proxy is None else [*bare_python(relay), str(own / SOCKET), str(cell.proxy), "--"]
    return ["/bin/sh", "-c", _SHELL, program, str(sandbox.limits.memory // 1024), *options, *carried]


def _bound(how: str, pairs: Iterable[tuple[Path, Path]]) -> Iterator[str]:
    for source, place in pairs:
        yield from (how, str(source.resolve()), str(place.resolve()))


def _masked() -> Iterator[str]:
    """Secrets in the user's home: an empty folder, or an empty file, stands there."""
    for name in _SECRETS:
        path = (Path.home() / name).resolve()
        if path.is_dir():
            yield from ("--size", _SMALL, "--tmpfs", str(path), "--remount-ro", str(path))
        elif path.exists():
            yield from ("--ro-bind", "/dev/null", str(path))


def _git_files(cell: Cell) -> Iterator[Path]:
    """What tells git where a workspace's repository is: nobody inside makes it another one."""
    return (place / ".git" for place in cell.places if (place / ".git").exists())
