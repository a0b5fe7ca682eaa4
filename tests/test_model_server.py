"""The model server of the tests: it says in each dialect what its script says, and fails as told."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest

from tests.model_server import Call, ModelServer, Reply, Request, by_turn

USER = [{"role": "user", "content": "Fix it."}]
ASKED: Mapping[str, tuple[str, dict[str, Any]]] = {
    "chat": (
        "/v1/chat/completions",
        {"model": "m", "messages": USER, "stream_options": {"include_usage": True}},
    ),
    "responses": ("/v1/responses", {"model": "m", "input": "Fix it."}),
    "anthropic": ("/v1/messages", {"model": "m", "messages": USER}),
    "gemini": ("/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "Fix it."}]}]}),
}


def ask(server: ModelServer, dialect: str, *, stream: bool = False, timeout: float = 5) -> str:
    path, body = ASKED[dialect]
    if stream and dialect == "gemini":
        path = path.replace(":generate", ":streamGenerate")
    data = json.dumps({**body, **({"stream": True} if stream else {})}).encode()
    with urllib.request.urlopen(server.url + path, data, timeout=timeout) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", ASKED)
def test_it_answers_in_each_dialect_and_keeps_what_it_was_asked(dialect: str, stream: bool) -> None:
    reply = Reply("All is well.", (Call("bash", {"command": "true"}),), tokens_in=1234, tokens_out=56)
    with ModelServer([reply]) as server:
        said = ask(server, dialect, stream=stream)
    for part in ("All is well.", "bash", "command", "1234"):
        assert part in said
    (request,) = server.requests
    assert (request.dialect, request.model, request.said, request.turns) == (dialect, "m", "Fix it.", 0)


def test_a_function_decides_and_a_list_goes_by_number() -> None:
    with ModelServer(lambda request: Reply(f"{request.model} {request.number}")) as server:
        assert "m 0" in ask(server, "chat")
        assert "m 1" in ask(server, "chat")
    with ModelServer([Reply("one"), Reply("two")]) as server:
        assert [word in ask(server, "chat") for word in ("one", "two", "two")] == [True] * 3


def test_by_turn_answers_a_question_that_is_repeated_again() -> None:
    decide = by_turn(Reply(calls=(Call("bash"),)), Reply("done"))
    first = Request(0, "chat", "", {}, {}, False, "m", {"bash": "function"}, (), 0)
    again = Request(5, "chat", "", {}, {}, False, "m", {"bash": "function"}, (), 0)
    title = Request(6, "chat", "", {}, {}, False, "m", {}, (), 0)
    last = Request(7, "chat", "", {}, {}, False, "m", {"bash": "function"}, (), 1)
    assert decide(first) == decide(again)
    assert (decide(title).text, decide(last).text) == ("OK", "done")


def test_an_error_has_its_status_its_headers_and_its_message() -> None:
    limited = Reply(status=429, message="slow down", headers={"Retry-After": "1"})
    with ModelServer([limited]) as server, pytest.raises(urllib.error.HTTPError) as caught:
        ask(server, "anthropic")
    with caught.value as error:
        assert (error.code, error.headers["Retry-After"]) == (429, "1")
        assert "slow down" in error.read().decode()


@pytest.mark.parametrize("dialect", ASKED)
@pytest.mark.parametrize("stream", [False, True])
def test_it_drops_and_garbles(dialect: str, stream: bool) -> None:
    dropped = Reply("All is well, as it was.", drop_after=1)
    with ModelServer([dropped]) as server, pytest.raises(http.client.IncompleteRead):
        ask(server, dialect, stream=stream)
    with ModelServer([Reply("All is well.", malformed=True)]) as server:
        assert ('"oops"' if stream else '[{"mess') in ask(server, dialect, stream=stream)
    with ModelServer([Reply(drop_after=0)]) as server, pytest.raises(OSError):
        ask(server, dialect, stream=True)


@pytest.mark.parametrize("hang", ["headers", "stream"])
def test_it_hangs_until_it_ends(hang: str) -> None:
    with ModelServer([Reply("All is well.", hang=hang)]) as server, pytest.raises(TimeoutError):
        ask(server, "chat", stream=True, timeout=0.2)
