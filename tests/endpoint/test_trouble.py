"""What an endpoint says when it refuses, sorted."""

from __future__ import annotations

import pytest

from stomper_sdk.endpoint.trouble import Trouble, from_error_event, from_status, retry_after

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:00:00 GMT"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


def sorted_as(status: int, message: str = "no", code: str = "", **headers: str) -> Trouble:
    body = {"error": {"message": message, "code": code, "type": "error"}}
    return from_status(status, body, {name.replace("_", "-"): value for name, value in headers.items()}, "m")


@pytest.mark.parametrize(
    ("trouble", "failure", "again"),
    [
        (sorted_as(401), "auth", False),
        (sorted_as(403), "auth", False),
        (sorted_as(402), "quota", False),
        (sorted_as(429), "error", True),
        (sorted_as(429, code="insufficient_quota"), "quota", False),
        (
            sorted_as(429, "You exceeded your current quota, see your plan and billing details."),
            "quota",
            False,
        ),
        (sorted_as(429, "Quota exceeded: 20 requests per minute"), "error", True),
        (sorted_as(429, "Quota exceeded", retry_after="20"), "error", True),
        (sorted_as(429, retry_after="3600"), "quota", False),
        (sorted_as(500), "error", True),
        (sorted_as(502), "error", True),
        (sorted_as(529), "error", True),
        (sorted_as(408), "error", True),
        (sorted_as(400), "error", False),
        (sorted_as(404), "unavailable", False),
        (sorted_as(413), "error", False),
        (from_error_event({"message": "Overloaded"}, "m"), "error", True),
        (from_error_event({"message": "the server had an error"}, "m"), "error", True),
        (from_error_event({"message": "no more", "code": "insufficient_quota"}, "m"), "quota", False),
        (from_error_event("model 'm' not found", "m"), "unavailable", False),
    ],
)
def test_what_is_final_and_what_is_worth_asking_again(trouble: Trouble, failure: str, again: bool) -> None:
    assert (trouble.failure, trouble.again) == (failure, again)


def test_too_much_to_do_is_told_from_other_errors() -> None:
    told = [sorted_as(status).overload for status in (429, 503, 529, 500, 502)]
    assert told == [True, True, True, False, False]
    assert from_error_event({"message": "Overloaded"}, "m").overload


@pytest.mark.parametrize("status", [404, 400])
def test_an_unknown_model_is_named(status: int) -> None:
    trouble = sorted_as(status, "The model `gpt-9` does not exist", "model_not_found")
    assert "has no model 'm'" in trouble.message
    assert "list of models" in trouble.hint


def test_what_a_question_is_too_long_for_says_what_to_lower() -> None:
    trouble = sorted_as(400, "This model's maximum context length is 8192 tokens", "context_length_exceeded")
    assert "Lower max_input_tokens" in trouble.hint


@pytest.mark.parametrize(
    ("message", "without"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported with this model.", "max_tokens"),
        ("unknown field: stream_options", "stream_options"),
        ("Unsupported value: 'max_completion_tokens' is too large", ""),
    ],
)
def test_a_parameter_that_is_not_taken(message: str, without: str) -> None:
    assert sorted_as(400, message).without == without


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": "flat"}, "flat"),
        ({"detail": "as FastAPI has it"}, "as FastAPI has it"),
        ("<html>bad gateway</html>", "<html>bad gateway</html>"),
        (None, "answered 500"),
        ({"error": {"message": "a\nb\x1b[31m"}}, "a b\\x1b[31m"),
    ],
)
def test_what_was_said_is_found_wherever_it_stands(body: object, said: str) -> None:
    assert said in from_status(500, body, {}, "m").message
