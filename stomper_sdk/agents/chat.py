"""Any OpenAI-compatible endpoint, local or hosted: the model writes edits, and we make them."""

from __future__ import annotations

import re
import urllib.parse
from typing import ClassVar

import attrs

from stomper_sdk.agents.base import TIMEOUT, AgentReply, AgentTask, hosts_in, time_limit
from stomper_sdk.agents.chat_edits import make_edits
from stomper_sdk.agents.chat_question import Room, compose, most_tokens_in
from stomper_sdk.edits import FORMATS, EditError
from stomper_sdk.endpoint import INSTALL, Answer, Endpoint, Meter, missing_package
from stomper_sdk.errors import AgentError, PipelineError, Problem
from stomper_sdk.model.present import hide
from stomper_sdk.model.price import Usage
from stomper_sdk.options import one_of, option, optional, seconds, text
from stomper_sdk.vcs.git import in_thread

__all__ = ["ChatAgent"]

_OPENAI = "https://api.openai.com/v1"
_TAIL = 20_000
#: Whole answers that an attempt may cost at most: one that is taken, and as much again for those that broke.
_WHOLE_ANSWERS = 2


def address(value: object) -> str:
    told = value.strip().rstrip("/") if isinstance(value, str) else ""
    try:
        parts = urllib.parse.urlsplit(told)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or re.search(r"\s", told):
        raise ValueError("an address such as https://api.openai.com/v1 or http://localhost:11434/v1")
    return told


def key(value: object) -> str:
    """A key goes into a header, and what cannot stand in one must not be printed by who refuses it."""
    if value is None:
        return ""
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]*", value.strip()):
        raise ValueError("a key of letters, digits and signs, as ${NAME}")
    return value.strip()


def count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("a whole number")
    return value


def tokens(value: object) -> int:
    if count(value) < 1:
        raise ValueError("a whole number above zero")
    return count(value)


def amount(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 2:
        raise ValueError("a number from 0 to 2")
    return float(value)


@attrs.frozen(kw_only=True)
class ChatAgent:
    """Asks a model for edits, once for each attempt, and makes all of them or none.

    It runs nothing, and writes nothing but the files of the workspace that the edits name.
    """

    name: str
    model: str = option(text, meaning="The model's name at the endpoint.")
    base_url: str = option(address, _OPENAI, "The address of the endpoint; it mostly ends with /v1.")
    api_key: str = option(key, "", "The key, as ${NAME}; none for a server that wants none.", secret=True)
    edit_format: str = option(one_of(*FORMATS), "search-replace", "How the model writes its edits.")
    temperature: float | None = option(
        optional(amount), None, "The sampling temperature; by default the endpoint's own."
    )
    max_output_tokens: int = option(tokens, 8192, "The longest answer.")
    max_input_tokens: int = option(tokens, 32_000, "The longest prompt; long files are shown in parts.")
    timeout: float = option(seconds, TIMEOUT, "The time limit of one attempt, retries included.")
    stall_timeout: float = option(
        seconds, 120.0, "Without a sign of life for so long, an answer is asked for again."
    )
    max_retries: int = option(count, 5, "How often a failed request is sent again.")
    once: bool = attrs.field(default=False, init=False)
    confined: ClassVar[bool] = True

    def __attrs_post_init__(self) -> None:
        """Refuse to be made where what it needs is not installed."""
        missing = missing_package()
        if missing:
            problem = Problem(f"the agent chat needs the package {missing}", f"agents.{self.name}.use")
            raise PipelineError([problem], f"Install it: {INSTALL}")

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where its model is; it is asked from our own process, which no sandbox holds."""
        return hosts_in(self.base_url)

    async def edit(self, task: AgentTask) -> AgentReply | None:
        """Ask once, and make the edits of the answer.

        Raises:
            AgentError: there is no answer, or its edits cannot be made; the next prompt says why.
        """
        meter = Meter()
        try:
            with time_limit(self.name, self.timeout):
                answer = await self._asked(task, meter)
            self._refuse_cut(answer)
            await in_thread(make_edits, answer.text, task, self.edit_format)
        except OSError as error:
            text = str(error).replace(f"{task.workspace}/", "")
            raise self._told(EditError(f"an edit cannot be made: {text[:300]}"), meter) from None
        except (AgentError, EditError) as error:
            raise self._told(error, meter) from None
        return self._reply(meter)

    def at_most(self, task: AgentTask) -> Usage:
        """The most that one attempt can take.

        Answers that broke off are paid for too: nobody asks again once they have come to a whole one.
        """
        tokens_in = most_tokens_in(task, self.edit_format, self.model, self.max_input_tokens)
        return Usage(_WHOLE_ANSWERS * tokens_in, _WHOLE_ANSWERS * self.max_output_tokens)

    async def _asked(self, task: AgentTask, meter: Meter) -> Answer:
        room = Room(self.max_input_tokens, self.max_output_tokens, self.temperature)
        question = await in_thread(compose, task, self.edit_format, self.model, room)
        endpoint = Endpoint.of(self.base_url, self.model, self.api_key)
        return await endpoint.ask(question, meter, retries=self.max_retries, stall=self.stall_timeout)

    def _refuse_cut(self, answer: Answer) -> None:
        if answer.finish == "length":
            text = f"the answer was cut at its longest, {answer.tokens_out} tokens"
            raise AgentError(text, "Raise max_output_tokens, or answer with fewer and shorter edits.")
        if answer.finish == "content_filter":
            raise AgentError("the endpoint's filter held the answer back")

    def _told(self, error: Exception, meter: Meter) -> AgentError:
        """The error under the agent's name, without the key, and with what was spent."""
        known = error if isinstance(error, AgentError) else AgentError(str(error))
        told = (
            known.message
            if known.message.startswith(f"agent {self.name}")
            else f"agent {self.name}: {known.message}"
        )
        reply = self._reply(meter) if meter.tokens else None
        return AgentError(hide(told, {self.api_key}), known.hint, failure=known.failure, reply=reply)

    def _reply(self, meter: Meter) -> AgentReply:
        return AgentReply(
            text=hide(meter.text, {self.api_key})[-_TAIL:],
            tokens_in=meter.tokens_in,
            tokens_out=meter.tokens_out,
            tokens_cached=meter.tokens_cached,
            turns=1,
            model=meter.model or self.model,
        )
