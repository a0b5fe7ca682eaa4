"""Questions to a server on loopback that fails as told."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
import trio

from stomper_sdk.endpoint import Answer, Endpoint, Meter, Question
from stomper_sdk.endpoint.client import _read, _wait
from stomper_sdk.endpoint.trouble import Trouble
from stomper_sdk.errors import AgentError
from tests.model_server import ModelServer, Reply, Request

KEY = "sk-secret-0123456789"
OK = Reply("hello, wörld", tokens_in=100, tokens_out=10, tokens_cached=40)
QUESTION = Question("system", "user", tokens=30, max_output_tokens=500)
LONG = "a line of an answer\n" * 20


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What would have been waited for before each further try; nobody waits in these tests."""
    waited: list[float] = []

    def told(trouble: Trouble, tries: int) -> float:
        waited.append(_wait(trouble, tries))
        return 0.0

    monkeypatch.setattr("stomper_sdk.endpoint.client._wait", told)
    return waited


async def ask(server: ModelServer, meter: Meter | None = None, retries: int = 3, stall: float = 10) -> Answer:
    endpoint = Endpoint.of(f"{server.url}/v1", "m", KEY)
    with trio.fail_after(20):
        return await endpoint.ask(QUESTION, meter or Meter(), retries=retries, stall=stall)


async def test_an_answer_with_its_counts() -> None:
    with ModelServer([OK]) as server:
        meter = Meter()
        assert await ask(server, meter) == Answer("hello, wörld", 100, 10, 40, "m", "stop")
    assert (meter.tokens_in, meter.tokens_out, meter.tokens_cached) == (100, 10, 40)
    (request,) = server.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.stream and request.body["stream_options"] == {"include_usage": True}
    assert [message["role"] for message in request.body["messages"]] == ["system", "user"]
    assert "temperature" not in request.body


async def test_what_the_environment_holds_for_another_goes_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID"):
        monkeypatch.setenv(f"OPENAI_{name}", f"leaked-{name}")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    with ModelServer([OK]) as server:
        await Endpoint.of(f"{server.url}/v1", "m").ask(QUESTION, Meter(), retries=0, stall=10)
    assert "leaked" not in repr(server.requests)


async def test_counts_that_are_not_told_are_ours() -> None:
    with ModelServer([Reply(LONG, counts=False)]) as server:
        answer = await ask(server)
    assert (answer.tokens_in, answer.tokens_out) == (30, 134)


@pytest.mark.parametrize(
    "fault",
    [
        Reply(status=500),
        Reply(status=529),
        Reply(status=429),
        Reply(LONG, drop_after=0),
        Reply(LONG, drop_after=3),
        Reply(LONG, malformed=True),
        Reply(LONG, error_event=True),
        Reply(LONG, finish=""),
    ],
)
async def test_what_may_pass_is_asked_again(fault: Reply, waits: list[float]) -> None:
    with ModelServer([fault, fault, OK]) as server:
        assert (await ask(server)).text == OK.text
    assert len(server.requests) == 3
    assert len(waits) == 2 and 0 < waits[0] < waits[1] * 2


@pytest.mark.parametrize("where", ["headers", "stream"])
async def test_who_gives_no_sign_of_life_is_asked_again(where: str) -> None:
    with ModelServer([Reply(LONG, hang=where), OK]) as server:
        assert (await ask(server, stall=0.5)).text == OK.text
    with ModelServer([Reply(LONG, hang=where)]) as server, pytest.raises(AgentError) as caught:
        await ask(server, retries=1, stall=0.2)
    assert caught.value.message == f"{server.url}/v1 gave no sign of life for 0.2 s (2 tries)"


async def test_what_was_asked_for_is_waited_for(waits: list[float]) -> None:
    with ModelServer([Reply(status=429, headers={"Retry-After": "40"}), OK]) as server:
        await ask(server)
    assert 40 <= waits[0] <= 44


async def test_after_so_many_tries_the_last_trouble_is_told() -> None:
    with ModelServer([Reply(status=500, message="no disk")]) as server, pytest.raises(AgentError) as caught:
        await ask(server, retries=2)
    assert caught.value.message == f"{server.url}/v1 answered 500: no disk (3 tries)"
    assert (caught.value.failure, len(server.requests)) == ("error", 3)


async def test_answers_that_broke_are_counted_and_never_cost_more_than_one_whole() -> None:
    meter, broken = Meter(), Reply(LONG * 20, drop_after=300)
    with ModelServer([broken]) as server, pytest.raises(AgentError, match="broke"):
        await ask(server, meter, retries=50)
    # Each comes to some 30 tokens in and 2,700 characters out: the first is more than 530 tokens already.
    assert len(server.requests) == 1
    assert QUESTION.most < meter.tokens
    with ModelServer([Reply(LONG, drop_after=8)]) as server, pytest.raises(AgentError, match="broke"):
        await ask(server, retries=50)
    assert 5 < len(server.requests) < 15


@pytest.mark.parametrize(
    ("fault", "failure", "said"),
    [
        (Reply(status=401, message=f"wrong key {KEY}"), "auth", "refused the key (401): wrong key ***"),
        (Reply(status=403), "auth", "refused the key (403)"),
        (Reply(status=402), "quota", "answered 402"),
        (Reply(status=429, code="insufficient_quota"), "quota", "answered 429"),
        (Reply(status=429, headers={"Retry-After": "7200"}), "quota", "asks to wait 7200 s"),
        (
            Reply(status=404, message="no such model"),
            "unavailable",
            "has no model 'm': it answered 404: no such model",
        ),
        (Reply(status=400, message="too hot"), "error", "answered 400: too hot"),
    ],
)
async def test_what_is_final_is_not_asked_again(fault: Reply, failure: str, said: str) -> None:
    with ModelServer([fault, OK]) as server, pytest.raises(AgentError) as caught:
        await ask(server)
    assert len(server.requests) == 1
    assert (caught.value.failure, said in caught.value.message) == (failure, True)
    assert KEY not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"


async def test_nobody_at_the_address(waits: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    endpoint = Endpoint.of(f"http://user:word@127.0.0.1:{port}/v1", "m")
    with pytest.raises(
        AgentError, match=rf"^http://127\.0\.0\.1:{port}/v1 cannot be reached: .*3 tries"
    ) as caught:
        await endpoint.ask(QUESTION, Meter(), retries=2, stall=5)
    assert caught.value.hint == "See base_url, and whether the server is running."
    # Who was not there a moment ago is not asked as often by the next file.
    with pytest.raises(AgentError, match=r"cannot be reached"):
        await endpoint.ask(QUESTION, Meter(), retries=2, stall=5)
    assert len(waits) == 2


@pytest.mark.parametrize(
    ("message", "gone", "there"),
    [
        ("unknown field: stream_options", "stream_options", "max_tokens"),
        ("Unsupported parameter: 'max_tokens'", "max_tokens", "max_completion_tokens"),
    ],
)
async def test_a_parameter_that_is_not_taken_is_left_out_from_then_on(
    message: str, gone: str, there: str
) -> None:
    def script(request: Request) -> Reply:
        return Reply(status=400, message=message) if gone in request.body else OK

    with ModelServer(script) as server:
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(ask, server, None, 0)
        before = len(server.requests)
        await ask(server, retries=0)
    assert len(server.requests) == before + 1
    assert there in server.requests[-1].body


async def test_a_cancel_ends_it_at_once_and_what_was_written_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter, begun = Meter(), trio.Event()

    async def read(*args: Any) -> None:
        begun.set()
        await _read(*args)

    monkeypatch.setattr("stomper_sdk.endpoint.client._read", read)
    with ModelServer([Reply(LONG, hang="stream")]) as server:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, server, meter)
            await begun.wait()
            nursery.cancel_scope.cancel()
        assert meter.tokens_in == 30
        server.decide = lambda request: OK
        assert (await ask(server)).text == OK.text


async def test_too_much_at_once_makes_fewer_ask_at_a_time() -> None:
    seen: list[int] = []

    def script(request: Request) -> Reply:
        seen.append(endpoint.limiter.at_work)
        return Reply(status=429) if request.number < 8 else OK

    with ModelServer(script) as server:
        endpoint = Endpoint.of(f"{server.url}/v1", "m", KEY)
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(ask, server, None, 9)
    assert endpoint.limiter.peak == 8
    assert max(seen[8:]) <= 4


async def test_a_package_that_is_damaged_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with (
        ModelServer([OK]) as server,
        pytest.raises(AgentError, match="the package openai cannot be imported"),
    ):
        await ask(server)


async def test_the_client_is_closed_by_the_last_who_used_it() -> None:
    with ModelServer([OK]) as server:
        await together([lambda: ask(server)] * 5)
        endpoint = Endpoint.of(f"{server.url}/v1", "m", KEY)
        assert (endpoint._client, endpoint._users, len(server.requests)) == (None, 0, 5)


async def together(calls: Sequence[Callable[[], Awaitable[object]]]) -> None:
    async with trio.open_nursery() as nursery:
        for call in calls:
            nursery.start_soon(call)


def test_each_run_has_an_endpoint_of_its_own() -> None:
    async def mine() -> tuple[Endpoint, Endpoint]:
        return Endpoint.of("http://a/v1", "m"), Endpoint.of("http://a/v1", "m")

    (one, same), (other, _) = trio.run(mine), trio.run(mine)
    assert one is same and one is not other
    assert not re.search(KEY, repr(Endpoint("http://a/v1", "m", KEY)))
