"""Arguments in, an exit code out; what is done is in `commands`, what is printed in `console`."""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from stomper_sdk.commands import COMMANDS
from stomper_sdk.commands.parser import parse
from stomper_sdk.console.stream import Stream
from stomper_sdk.errors import StomperError
from stomper_sdk.model.present import hide, visible_lines
from stomper_sdk.secrets import secret_values

__all__ = ["main"]

_USAGE, _CANNOT, _INTERRUPTED = 2, 3, 130
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = argparse.Namespace(command="", repo=".")
    errors = Stream(sys.stderr)
    try:
        return _command(list(sys.argv[1:] if argv is None else argv), options)
    except SystemExit as end:  # argparse has printed what was asked for
        return end.code if isinstance(end.code, int) else _USAGE
    except StomperError as error:
        errors.write(f"stomper-sdk: {visible_lines(str(error))}\n")
        return error.exit_code
    except KeyboardInterrupt:
        errors.write("stomper-sdk: interrupted\n")
        return _INTERRUPTED
    except Exception as error:  # the one place where a bug of ours ends
        errors.write(f"stomper-sdk: {visible_lines(_apology(error, options))}\n")
        return _CANNOT
    finally:
        Stream(sys.stdout).flush()


def _command(arguments: Sequence[str], options: argparse.Namespace) -> int:
    if sys.platform == "win32":
        raise StomperError(
            "Windows is not supported: stomper-sdk needs POSIX processes and signals",
            "Run it in WSL, the Windows Subsystem for Linux: https://aka.ms/wsl",
        )
    vars(options).update(vars(parse(arguments, os.environ)))
    if not options.command:
        return _USAGE
    from stomper_sdk.console.console import Console

    progress = getattr(options, "progress", False)
    console = Console(
        quiet=options.loudness == "quiet", verbose=options.loudness == "verbose", progress=progress
    )
    for doubt in options.doubts:
        console.say(f"notice: {doubt}")
    module = importlib.import_module(f"stomper_sdk.commands.{COMMANDS[options.command].module}")
    with contextlib.redirect_stdout(sys.stderr):  # what plug-ins print is not what was asked for
        code: int = module.perform(options, console)
    return code


def _apology(error: Exception, options: argparse.Namespace) -> str:
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return str(error)
    from stomper_sdk.reports.bug import bug_report

    told = f"this is a bug in stomper-sdk, sorry: {type(error).__name__}"
    report = hide(bug_report(error, options.command), secret_values())
    log = _log(report, Path(options.repo))
    return f"{told}\nWhat happened is in {log}: please report it with that file." if log else told


def _log(report: str, repo: Path) -> str | None:
    """Keep what a maintainer needs where the user finds it; None if there is no room anywhere."""
    for folder in (_log_folder(repo), None):
        with contextlib.suppress(OSError):
            handle, path = tempfile.mkstemp(prefix="stomper-bug-", suffix=".log", dir=folder)
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(report)
            return path
    return None


def _log_folder(repo: Path) -> Path | None:
    """`.stomper/logs`, if a run has made a `.stomper` (which keeps itself out of the user's status)."""
    states = (folder / ".stomper" for folder in (repo.absolute(), *repo.absolute().parents))
    state = next((state for state in states if state.is_dir()), None)
    if state is None:
        return None
    with contextlib.suppress(OSError):
        (state / "logs").mkdir(exist_ok=True)
    return state / "logs"
