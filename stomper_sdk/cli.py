"""Arguments in, an exit code out; what is done is in `api`, what is printed in `console`.

Everything heavy is imported by the command that needs it: `--help` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import itertools
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from stomper_sdk.arguments import overrides_of, parse, selection_of
from stomper_sdk.console.stream import Stream
from stomper_sdk.errors import StomperError
from stomper_sdk.model.present import visible
from stomper_sdk.reports.bug import bug_report

if TYPE_CHECKING:
    from stomper_sdk.api import Control
    from stomper_sdk.console import Console, Display
    from stomper_sdk.model.plan import Plan
    from stomper_sdk.model.result import RunResult

__all__ = ["main"]

_Handler = Callable[[int, FrameType | None], object]
_USAGE, _CANNOT, _INTERRUPTED = 2, 3, 130
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = argparse.Namespace(command="", repo=".")
    errors = Stream(sys.stderr)
    try:
        return _command(list(sys.argv[1:] if argv is None else argv), options)
    except SystemExit as end:  # argparse has said what there is to say
        return end.code if isinstance(end.code, int) else _USAGE
    except StomperError as error:
        errors.write(f"stomper-sdk: {_lines_visible(str(error))}\n")
        return error.exit_code
    except KeyboardInterrupt:
        errors.write("stomper-sdk: interrupted\n")
        return _INTERRUPTED
    except Exception as error:  # the one place where a bug of ours ends
        errors.write(f"stomper-sdk: {_lines_visible(_apology(error, options))}\n")
        return _CANNOT
    finally:
        Stream(sys.stdout).flush()


def _command(arguments: Sequence[str], options: argparse.Namespace) -> int:
    if sys.platform == "win32":
        raise StomperError(
            "Windows is not supported: stomper-sdk needs POSIX processes and signals",
            "Run it in WSL, the Windows Subsystem for Linux: https://aka.ms/wsl",
        )
    parse(arguments, options)
    if not options.command:
        return _USAGE
    from stomper_sdk.console import Console

    progress = getattr(options, "progress", False)
    console = Console(quiet=options.quiet, verbose=options.verbose, progress=progress)
    return _COMMANDS[options.command](options, console)


# The commands


def _run(options: argparse.Namespace, console: Console) -> int:
    if options.dry_run:
        return _plan(options, console)
    from stomper_sdk import api

    control = api.Control()
    with console.watch() as display, _interruptible(control, display):
        result = api.run(
            options.pipeline,
            repo=options.repo,
            overrides=overrides_of(options),
            only=selection_of(options),
            listeners=(display.listen,),
            control=control,
        )
    return _told(result, options, console, display)


def _plan(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api
    from stomper_sdk.reports import plan_to_dict

    pipeline = api.load_pipeline(options.pipeline, repo=options.repo, overrides=overrides_of(options))
    with console.watch() as display:
        plan: Plan = api.plan(
            pipeline, repo=options.repo, only=selection_of(options), listeners=(display.listen,)
        )
    console.plan(plan, pipeline)
    if options.output == "json":
        console.document(plan_to_dict(plan, pipeline.name))
    return 0


def _validate(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api

    wrong = 0
    for source in options.pipelines or [None]:
        try:
            pipeline = api.validate(source, repo=options.repo, overrides=overrides_of(options))
        except StomperError as error:
            console.warn(_lines_visible(str(error)))
            wrong += 1
        else:
            console.say(f"ok  {visible(pipeline.origin or pipeline.name)}")
    return _USAGE if wrong else 0


def _demo(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api, demo

    control = api.Control()
    with _unwinding(), demo.staged(options.keep) as repo:
        before = demo.look(repo)
        console.say(demo.opening(repo, before))
        with console.watch() as display, _interruptible(control, display):
            result = demo.perform(repo, options.max_parallel_files, control, (display.listen,))
        if result.status != "completed":
            return _told(result, options, console, display)
        after = demo.look(repo)
        console.say(demo.closing(repo, result, before, after, kept=options.keep is not None))
    if options.output == "json":
        console.document(result.to_dict())
    return demo.verdict(result, before, after)


def _clean(options: argparse.Namespace, console: Console) -> int:
    from stomper_sdk import api

    removed = api.clean(options.repo)
    console.say("\n".join(visible(line) for line in removed) or "nothing to clean")
    return 0


def _told(result: RunResult, options: argparse.Namespace, console: Console, display: Display) -> int:
    console.summary(result, display.notices)
    if options.output == "json":
        console.document(result.to_dict())
    return result.exit_code


_COMMANDS: dict[str, Callable[[argparse.Namespace, Console], int]] = {
    "run": _run,
    "plan": _plan,
    "validate": _validate,
    "demo": _demo,
    "clean": _clean,
}


# Signals


def _interruptible(control: Control, display: Display) -> AbstractContextManager[None]:
    """Ctrl-C drains, the second one cancels, as SIGTERM and SIGHUP do at once."""
    presses = itertools.count()

    def interrupt(*_: object) -> None:
        if next(presses):
            control.cancel()
        else:
            control.drain()
            display.stopping()

    def end(*_: object) -> None:
        control.cancel()

    return _handling({signal.SIGINT: interrupt, signal.SIGTERM: end, signal.SIGHUP: end})


def _unwinding() -> AbstractContextManager[None]:
    """SIGTERM and SIGHUP leave as Ctrl-C does, by way of every clean-up."""
    return _handling(dict.fromkeys((signal.SIGTERM, signal.SIGHUP), signal.default_int_handler))


@contextlib.contextmanager
def _handling(handlers: Mapping[signal.Signals, _Handler]) -> Iterator[None]:
    """Handle signals while the block runs; one that our parent made us ignore (nohup) stays ignored."""
    former = {}
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                former[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler_before in former.items():
            signal.signal(number, handler_before)


# What went wrong


def _apology(error: Exception, options: argparse.Namespace) -> str:
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return str(error)
    told = f"this is a bug in stomper-sdk, sorry: {type(error).__name__}"
    log = _log(bug_report(error, options.command), Path(options.repo))
    return f"{told}\nWhat happened is in {log}" if log else told


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


def _lines_visible(text: str) -> str:
    return "\n".join(visible(line) for line in text.split("\n"))
