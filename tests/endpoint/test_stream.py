"""Answers as bytes, however they are cut."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stomper_sdk.endpoint.stream import Reader


def event(text: str | None = None, finish: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return (
        b"data: "
        + json.dumps({"model": "m", "choices": [choice], **more}, ensure_ascii=False).encode()
        + b"\n\n"
    )


USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 3}}\n\n'
WHOLE = (
    event("hé") + b": keep-alive\r\n\r\n" + event("llo") + event(None, "stop") + USAGE + b"data: [DONE]\n\n"
)


def read(data: bytes, most: int = 1000) -> Reader:
    reader = Reader(most)
    reader.feed(data)
    reader.close()
    return reader


@given(st.lists(st.integers(0, len(WHOLE)), max_size=8))
def test_it_does_not_matter_where_the_bytes_are_cut(cuts: list[int]) -> None:
    reader, places = Reader(1000), sorted({0, *cuts, len(WHOLE)})
    for start, end in itertools.pairwise(places):
        reader.feed(WHOLE[start:end])
    reader.close()
    assert (reader.text, reader.finish, reader.done, reader.whole) == ("héllo", "stop", True, True)
    assert (reader.model, reader.usage) == ("m", {"prompt_tokens": 3})


@given(st.binary(max_size=200))
def test_no_bytes_are_taken_for_an_answer(data: bytes) -> None:
    assert not read(data).whole


def test_an_endpoint_that_knows_no_streams_may_answer_at_once() -> None:
    choice = {"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    document = json.dumps({"model": "m", "choices": [choice], "usage": {"prompt_tokens": 3}}, indent=1)
    reader = read(document.encode())
    assert (reader.text, reader.whole, reader.usage) == ("hello", True, {"prompt_tokens": 3})


@pytest.mark.parametrize(
    ("data", "broken"),
    [
        (b"", "an answer that is none"),
        (b"<html>\nLog in\n</html>\n", "an answer that cannot be read"),
        (event("hel"), "an answer that broke off"),
        (event("hel") + b"data: [DONE]\n\n", "an answer that broke off"),
        (event("hel") + b'data: {"choi\n\n', "an answer that cannot be read"),
        (b'data: {"choices": [5]}\n\n', "an answer that cannot be read"),
        (b"data: 5\n\n", "an answer that cannot be read"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "an answer that cannot be read"),
        (event("x" * 1001, "stop"), "an answer that is longer than any can be"),
        (b"data: " + b"x" * 9_000_000, "an answer that is longer than any can be"),
    ],
)
def test_what_is_no_answer(data: bytes, broken: str) -> None:
    reader = read(data)
    assert (reader.broken, reader.whole) == (broken, False)


def test_an_error_in_the_middle_is_kept() -> None:
    reader = read(event("hel") + b'data: {"error": {"message": "overloaded"}}\n\n')
    assert (reader.error, reader.over, reader.whole) == ({"message": "overloaded"}, True, False)
