"""What the tests said before a fix, kept for later runs that start from the same commit.

A kept run is believed only where nothing differs that could make tests differ: the command, the settings,
the environment, the packages installed beside the command. All that is kept is read before any agent is at
work, so that none can write what its own fix is judged by.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import stat
import sys
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import attrs

from stomper_sdk.model.present import hide, plain
from stomper_sdk.model.reading import typed
from stomper_sdk.process import clean_environment
from stomper_sdk.validation.run import SuiteRun

__all__ = ["KeptRuns", "setting_of"]

#: Changes whenever what a run holds, or how it comes about, does.
_VERSION = 1
_MOST = 200
_MAX_BYTES = 64 * 1024 * 1024
#: What differs between two terminals, or two jobs, and decides nothing.
_PASSING = frozenset(
    {"_", "COLUMNS", "HOSTNAME", "LINES", "OLDPWD", "PWD", "SHLVL", "TERM", "TMUX", "TMUX_PANE", "WINDOWID"}
)
_PASSING_PREFIXES = ("DBUS_", "GITHUB_", "SSH_", "STOMPER_", "XDG_SESSION_", "PYTEST_CURRENT", "PYTEST_XDIST")

_Key = tuple[str, frozenset[str]]


def setting_of(words: Sequence[str], declared: object) -> str:
    """A digest of all but the commit that decides what tests say, as far as it can be known.

    Args:
        words: the test command, its program as a path.
        declared: what the pipeline says of tests, workspaces and the sandbox.
    """
    told = {
        "version": [_VERSION, sys.version],
        "words": list(words),
        "declared": plain(declared),
        "environment": {name: value for name, value in clean_environment().items() if not _passes(name)},
        "installed": sorted(_installed(words[0])),
    }
    text = json.dumps(told, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest()[:32]


def _passes(name: str) -> bool:
    return name in _PASSING or name.startswith(_PASSING_PREFIXES)


def _installed(program: str) -> Iterator[str]:
    """The program itself, and the packages of its environment and of the active one, with their versions."""
    with contextlib.suppress(OSError):
        seen = Path(program).stat()
        yield f"{program} {seen.st_size} {seen.st_mtime_ns}"
    for prefix in {str(Path(program).parent.parent), os.environ.get("VIRTUAL_ENV", ""), sys.prefix} - {""}:
        for folder in Path(prefix).glob("lib/python*/site-packages"):
            yield from (f"{folder}/{entry}" for entry in _entries(folder))


def _entries(folder: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return os.listdir(folder)  # noqa: PTH208
    return []


@attrs.define(eq=False)
class KeptRuns:
    """Runs of tests in pristine trees, by base commit and by what ran; all methods block.

    `secrets` are the values that stand in nothing that is kept.
    """

    folder: Path
    setting: str
    secrets: Collection[str] = attrs.field(default=(), repr=False)
    _runs: dict[_Key, SuiteRun] = attrs.field(factory=dict, init=False)

    @classmethod
    def of(cls, folder: Path, setting: str, commit: str, secrets: Collection[str] = ()) -> KeptRuns:
        """What a folder holds for a commit; what is damaged, or not our own, is as if it were not there."""
        kept = cls(folder, setting, secrets)
        if not folder.is_symlink():
            for place in folder.glob(f"{commit}-{setting}-*.json"):
                with contextlib.suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
                    files, run = _read(place, [commit, setting])
                    kept._runs[commit, files] = run
        return kept

    def get(self, commit: str, files: frozenset[str]) -> SuiteRun | None:
        return self._runs.get((commit, files))

    def keep(self, commit: str, files: frozenset[str], run: SuiteRun) -> None:
        """Write a run, whole or not at all; where that is not possible, the next run finds it out again."""
        named = hashlib.sha256(json.dumps(sorted(files)).encode()).hexdigest()[:32]
        text = json.dumps([[commit, self.setting], sorted(files), self._shown(run)])
        draft = self.folder / f".{secrets.token_hex(8)}.draft"
        with contextlib.suppress(OSError):
            if self.folder.is_symlink():
                return
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                draft.touch(0o600, exist_ok=False)
                draft.write_text(f"{zlib.crc32(text.encode()):08x} {text}\n")
                draft.replace(self.folder / f"{commit}-{self.setting}-{named}.json")
            finally:
                draft.unlink(missing_ok=True)
            self._forget_oldest()

    def _shown(self, run: SuiteRun) -> object:
        """A run as plain data, without secrets, and without what was printed at length."""
        failures = tuple(
            attrs.evolve(it, message=hide(it.message, self.secrets), text="") for it in run.failures
        )
        return plain(attrs.evolve(run, failures=failures))

    def _forget_oldest(self) -> None:
        places = sorted(self.folder.glob("*.json"), key=lambda place: place.lstat().st_mtime)
        for place in places[:-_MOST]:
            place.unlink(missing_ok=True)


def _read(place: Path, key: list[str]) -> tuple[frozenset[str], SuiteRun]:
    """What a file of ours holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, of another commit or setting, or somebody else can have written it.
    """
    descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        seen = os.fstat(descriptor)
        ours = stat.S_ISREG(seen.st_mode) and seen.st_uid == os.getuid() and not seen.st_mode & 0o022
        if not ours or seen.st_size > _MAX_BYTES:
            raise ValueError("it is no file of ours")
        total, _, text = file.read().rstrip(b"\n").partition(b" ")
    if total != b"%08x" % zlib.crc32(text):
        raise ValueError("it is damaged")
    told, files, run = json.loads(text)
    if told != key:
        raise ValueError("it is of something else")
    read: SuiteRun = typed(SuiteRun, run, "run")
    return typed(frozenset[str], files, "files"), read
