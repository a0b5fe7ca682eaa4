"""A Python function as an agent."""

from __future__ import annotations

import importlib
import inspect
import os
import reprlib
import sysconfig
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import trio

from stomper_sdk.agents.base import TIMEOUT, AgentReply, AgentTask, time_limit
from stomper_sdk.errors import AbandonedError, AgentError, PipelineError, Problem
from stomper_sdk.options import nearest, option, seconds
from stomper_sdk.signatures import refusal

__all__ = ["AgentFunction", "PythonAgent"]

AgentFunction = Callable[[AgentTask], AgentReply | Awaitable[AgentReply | None] | None]


def _is_told_in_texts(reply: AgentReply) -> bool:
    optional = (reply.model, reply.agent_session)
    return isinstance(reply.text, str) and all(isinstance(told, str | None) for told in optional)


def reference(value: object) -> str | AgentFunction:
    """`package.module:function`, or the function itself."""
    if callable(value):
        return value
    if isinstance(value, str):
        module, colon, name = value.partition(":")
        if colon and all(part.isidentifier() for part in [*module.split("."), *name.split(".")]):
            return value
    raise ValueError("package.module:function")


@attrs.frozen(kw_only=True)
class PythonAgent:
    """Calls a function `(task) -> AgentReply | None` that edits files in `task.workspace`.

    An async function runs under trio and is cancelled at the time limit; a plain one runs in a thread,
    which nobody can end: at the limit it is left alone and what it does afterwards is not looked at.
    """

    name: str
    call: str | AgentFunction = option(reference, meaning="The function, as package.module:function.")
    timeout: float = option(seconds, TIMEOUT, "The time limit of one call.")
    once: bool = attrs.field(default=False, init=False)
    function: AgentFunction = attrs.field(init=False, repr=False)

    @function.default
    def _found(self) -> AgentFunction:
        path = f"agents.{self.name}.call"
        function = _load(self.call, path) if isinstance(self.call, str) else self.call
        wrong = (
            "expected a function of (task), got a class"
            if inspect.isclass(function)
            else refusal(function, "task")
        )
        if wrong:
            raise PipelineError([Problem(wrong, path)])
        return function

    @classmethod
    def of(cls, name: str, function: AgentFunction, timeout: float = TIMEOUT) -> PythonAgent:
        """An agent made of a function that is at hand.

        Raises:
            PipelineError: it is none, or not one of a task.
        """
        try:
            reference(function)
        except ValueError as error:
            raise PipelineError([Problem(f"expected {error}", f"agents.{name}.call")]) from error
        return cls(name=name, call=function, timeout=timeout)

    async def edit(self, task: AgentTask) -> AgentReply | None:
        """Call the function.

        Raises:
            AbandonedError: a plain function took too long, and may still be writing.
            AgentError: it raised, took too long, or returned something else.
        """
        with time_limit(self.name, self.timeout, AgentError if _is_async(self.function) else AbandonedError):
            reply = await self._call(task)
        if reply is None or (isinstance(reply, AgentReply) and _is_told_in_texts(reply)):
            return reply
        kind = type(reply).__name__
        raise AgentError(
            f"agent {self.name} returned {reprlib.repr(reply)} ({kind})",
            "An agent function returns an AgentReply, or None; its edits stay in the workspace. The reply's"
            " text, model and agent_session are texts.",
        )

    async def _call(self, task: AgentTask) -> object:
        try:
            if _is_async(self.function):
                reply: object = self.function(task)
            else:
                (reply,) = await trio.to_thread.run_sync(
                    lambda: (self.function(task),),  # in a tuple: it may return a coroutine
                    abandon_on_cancel=True,
                    limiter=trio.CapacityLimiter(1),  # its own: slow functions must not wait for each other
                )
            return await reply if inspect.isawaitable(reply) else reply
        except (AgentError, KeyboardInterrupt, GeneratorExit, trio.Cancelled):
            raise
        # The function is somebody else's code: whatever it raises, `sys.exit` too, is that agent's failure.
        except BaseException as error:
            raise AgentError(f"agent {self.name} failed: {_shown(error)}") from error


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  # an object with an async __call__
    )


def _shown(error: BaseException) -> str:
    """The exception, and the innermost line of the user's code that it went through."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    text = "".join(traceback.format_exception_only(error)).strip()
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(_INSTALLED)]
    if not own:
        return text
    where = own[-1]
    return f"{text}\nat {_near_path(where.filename)}:{where.lineno}, in {where.name}"


_INSTALLED = (
    f"{Path(__file__).parents[1]}{os.sep}",
    *(f"{sysconfig.get_path(key)}{os.sep}" for key in ("stdlib", "platstdlib", "purelib", "platlib")),
)


def _near_path(filename: str) -> str:
    relative = os.path.relpath(filename)
    return filename if relative.startswith("..") else relative


def _load(call: str, path: str) -> AgentFunction:
    module_name, _, names = call.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    # The module is somebody else's code: whatever it raises is a mistake in the pipeline or in it.
    except (Exception, SystemExit) as error:
        text = f"{module_name} cannot be imported: {type(error).__name__}: {error}"
        raise PipelineError([Problem(text, path)]) from error
    for name in names.split("."):
        if not hasattr(found, name):
            where = getattr(found, "__name__", module_name)
            near = nearest(name, vars(found))
            raise PipelineError([Problem(f"{where} has no {name!r}", path, suggestion=near)])
        found = getattr(found, name)
    if not callable(found):
        raise PipelineError([Problem(f"{call} is no function but {type(found).__name__}", path)])
    return found  # type: ignore[no-any-return]
