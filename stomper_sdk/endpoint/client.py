"""A model at an address, as one run knows it: its client, how much it takes at a time, what it knows not."""

from __future__ import annotations

import contextlib
import importlib.util
import random
import re
import ssl
import sys
from collections.abc import AsyncIterator, Collection, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import trio

from stomper_sdk.endpoint.limiter import Limiter
from stomper_sdk.endpoint.question import Answer, Meter, Question, sendable
from stomper_sdk.endpoint.stream import Reader
from stomper_sdk.endpoint.tokens import counted_tokens
from stomper_sdk.endpoint.trouble import (
    LONGEST_WAIT,
    REFUSABLE,
    Trouble,
    TroubleError,
    from_error_event,
    from_status,
)
from stomper_sdk.errors import AgentError
from stomper_sdk.model.present import hide, one_line
from stomper_sdk.model.price import possible_count

if TYPE_CHECKING:
    import openai

__all__ = ["INSTALL", "Endpoint", "missing_package"]

#: The first wait before another try, in seconds: after an answer that broke, and where there is too much.
_SOON, _LATER = 0.1, 0.5
_LINGER_SECONDS = 2.0
_CLOSE_SECONDS = 2.0
#: No token of any tokenizer in use is longer on average.
_CHARACTERS_PER_TOKEN = 20
#: What a local server that wants no key is given, so that no key of the environment goes to it.
_NO_KEY = "none"
_OPENAI_HOST = "api.openai.com"

_endpoints: trio.lowlevel.RunVar[dict[tuple[str, str, str], Endpoint]] = trio.lowlevel.RunVar("endpoints")


#: What brings the packages that are needed to ask an endpoint.
INSTALL = "pip install 'stomper_sdk[chat]'"


def missing_package() -> str:
    """The package that is needed to ask an endpoint and is not installed; empty where all are there."""
    return next((name for name in ("openai", "httpx2") if importlib.util.find_spec(name) is None), "")


@attrs.define(eq=False)
class Endpoint:
    """A model at an address, as one run knows it. Whoever asks it shares its client and its limit."""

    base_url: str
    model: str
    api_key: str = attrs.field(default="", repr=False)
    limiter: Limiter = attrs.field(factory=Limiter)
    _refused: set[str] = attrs.field(factory=set)
    _is_down: bool = False
    _users: int = 0
    _client: openai.AsyncOpenAI | None = None
    _context: ssl.SSLContext | None = None
    _opening: trio.Lock = attrs.field(factory=trio.Lock)

    @classmethod
    def of(cls, base_url: str, model: str, api_key: str = "") -> Endpoint:
        """The endpoint that everybody in this run shares who asks the same model with the same key."""
        try:
            known = _endpoints.get()
        except LookupError:
            known = {}
            _endpoints.set(known)
        key = (base_url, model, api_key)
        return known.setdefault(key, cls(*key))

    async def ask(self, question: Question, meter: Meter, *, retries: int, stall: float) -> Answer:
        """Ask until there is an answer.

        Args:
            question: what to ask.
            meter: counts what it takes, also when this raises or is cancelled.
            retries: how often to ask again at most. Answers that broke off have cost something: as soon as
                that is more than one whole answer can cost, nobody asks again either.
            stall: seconds without a sign of life after which an answer counts as broken.

        Raises:
            AgentError: there is none; its `failure` says whether asking again later may help.
        """
        tries = 0
        while True:
            without = frozenset(self._refused)
            try:
                return await self._slotted(question, meter, stall, without)
            except TroubleError as error:
                trouble = error.trouble
            if trouble.without and trouble.without not in without:
                self._refused.add(trouble.without)
                continue
            tries += 1
            allowed = 0 if self._is_down and trouble.down else retries
            if not trouble.again or tries > allowed or meter.tokens > question.most:
                raise self._given_up(trouble, tries)
            await trio.sleep(_wait(trouble, tries))

    def _given_up(self, trouble: Trouble, tries: int) -> AgentError:
        self._is_down = trouble.down
        often = f" ({tries} tries)" if tries > 1 else ""
        text = hide(f"{self._address} {trouble.message}{often}", {self.api_key})
        return AgentError(text, trouble.hint, failure=trouble.failure)

    @property
    def _address(self) -> str:
        return re.sub(r"//[^/@]*@", "//", self.base_url)

    async def _slotted(
        self, question: Question, meter: Meter, stall: float, without: Collection[str]
    ) -> Answer:
        async with self.limiter.slot() as mark:
            try:
                answer = await self._once(question, meter, stall, without)
            except TroubleError as error:
                if error.trouble.overload:
                    self.limiter.overloaded(mark)
                raise
            self._is_down = False
            self.limiter.answered()
            return answer

    async def _once(self, question: Question, meter: Meter, stall: float, without: Collection[str]) -> Answer:
        """One request: its answer, or what went wrong with it; what came of an answer counts either way."""
        reader, begun = Reader(question.max_output_tokens * _CHARACTERS_PER_TOKEN), False
        trouble: Trouble | None = None
        try:
            async with self._lent() as client:
                with trio.CancelScope(deadline=trio.current_time() + stall) as scope:
                    async with client.chat.completions.with_streaming_response.create(
                        **self._parameters(question, without)
                    ) as response:
                        begun = True
                        await _read(response, reader, scope, stall)
        except _foreign_errors() as error:
            trouble = self._sorted(error)
        finally:
            if begun:
                meter.add(self._answer(reader, question))
        trouble = _in_answer(reader, self.model) or trouble
        if trouble is None and scope.cancelled_caught:
            trouble = Trouble(f"gave no sign of life for {stall:g} s", again=True)
        if trouble is not None and not reader.whole:
            raise TroubleError(trouble)
        return self._answer(reader, question)

    def _parameters(self, question: Question, without: Collection[str]) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "stream_options": {"include_usage": True},
            "max_tokens": question.max_output_tokens,
        }
        named = ((REFUSABLE[name] if name in without else name, value) for name, value in wanted.items())
        sent: dict[str, Any] = {name: value for name, value in named if name}
        if question.temperature is not None:
            sent["temperature"] = question.temperature
        return {"model": self.model, "messages": question.messages, "stream": True, **sent}

    def _answer(self, reader: Reader, question: Question) -> Answer:
        """What came, with the endpoint's counts; ours where it tells none."""
        told = reader.usage.get
        details = told("prompt_tokens_details")
        cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
        return Answer(
            sendable(reader.text),
            _count(told("prompt_tokens"), question.tokens),
            _count(told("completion_tokens"), counted_tokens(reader.text, self.model)),
            _count(cached, 0),
            reader.model,
            reader.finish or "",
        )

    def _sorted(self, error: Exception) -> Trouble:
        """The trouble that an error of the client's libraries is."""
        import httpx2
        import openai

        if isinstance(error, openai.APIStatusError):
            return from_status(error.status_code, error.body, dict(error.response.headers), self.model)
        cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout):
            hint = "See base_url, and whether the server is running."
            text = f"cannot be reached: {one_line(str(cause))}"
            return Trouble(text, hint, "unavailable", again=True, down=True)
        told = one_line(str(cause)) or type(cause).__name__
        if isinstance(cause, httpx2.TransportError | httpx2.DecodingError | OSError):
            return Trouble(f"broke the connection off: {told}", again=True)
        return Trouble(f"could not be asked: {told}")

    @contextlib.asynccontextmanager
    async def _lent(self) -> AsyncIterator[openai.AsyncOpenAI]:
        """The client: opened for the first who needs it, closed by the last."""
        self._users += 1
        try:
            async with self._opening:
                if self._client is None:
                    self._client = await self._opened()
            yield self._client
        finally:
            self._users -= 1
            if not self._users and self._client is not None:
                client, self._client = self._client, None
                deadline = trio.current_time() + _CLOSE_SECONDS
                with trio.CancelScope(deadline=deadline, shield=True):
                    await client.close()

    async def _opened(self) -> openai.AsyncOpenAI:
        if self._context is None:
            try:
                self._context = await trio.to_thread.run_sync(_prepared)
            except ImportError as error:
                hint = "Install it anew: pip install --force-reinstall 'stomper_sdk[chat]'"
                raise AgentError(f"the package openai cannot be imported: {error}", hint) from error
        import httpx2
        import openai

        # All limits of time are ours: the client's own are for each read.
        http = httpx2.AsyncClient(
            verify=self._context, timeout=None, limits=httpx2.Limits(max_connections=None)
        )
        client = openai.AsyncOpenAI(
            api_key=self.api_key or _NO_KEY, base_url=self.base_url, max_retries=0, http_client=http
        )
        if client.base_url.host != _OPENAI_HOST:
            # The client takes them from the environment for whomever it asks.
            client.organization = client.project = None
        return client


def _prepared() -> ssl.SSLContext:
    """Import what takes its time to be imported, and read the certificates that are trusted."""
    import httpx2
    import openai  # noqa: F401

    return httpx2.create_ssl_context()


def _foreign_errors() -> tuple[type[Exception], ...]:
    """What the client's libraries raise."""
    openai, httpx2 = (sys.modules.get(name) for name in ("openai", "httpx2"))
    known = (
        (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL)
        if openai and httpx2
        else ()
    )
    return (*known, OSError)


async def _read(response: Any, reader: Reader, scope: trio.CancelScope, stall: float) -> None:
    """Read an answer to its end.

    It is left early by a cancel alone, which passes through all the generators that the libraries nest in
    one another and so ends them; a `break` would leave them to the garbage collector.
    """
    async for data in response.iter_bytes():
        reader.feed(data)
        scope.deadline = trio.current_time() + (min(stall, _LINGER_SECONDS) if reader.finish else stall)
        if reader.over and not reader.done:
            scope.cancel()
    reader.close()


def _in_answer(reader: Reader, model: str) -> Trouble | None:
    if reader.error is not None:
        return from_error_event(reader.error, model)
    return Trouble(f"gave {reader.broken}", again=True) if reader.broken else None


def _count(told: object, ours: int) -> int:
    count = possible_count(told)
    return ours if count is None else count


def _wait(trouble: Trouble, tries: int) -> float:
    """Seconds until the next try: what was asked for, else twice as long each time; never all at once."""
    if trouble.wait is not None:
        return trouble.wait * random.uniform(1.0, 1.1)  # noqa: S311
    seconds = (_LATER if trouble.overload or trouble.down else _SOON) * 2.0 ** (tries - 1)
    return min(seconds, LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311
