"""Tokens are counted by the model's tokenizer where its data is at hand, and nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stomper_sdk.endpoint import tokens
from stomper_sdk.endpoint.tokens import counted_tokens


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise AssertionError("nothing is fetched")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    tokens._encoding.cache_clear()
    yield
    tokens._encoding.cache_clear()


def test_without_its_data_a_token_is_three_bytes() -> None:
    assert [counted_tokens(text, "gpt-4o") for text in ("", "a", "abc", "abcd", "üü")] == [0, 1, 1, 2, 2]
    assert counted_tokens("abcdef", "some-local-model") == 2
    assert counted_tokens("\udc80", "gpt-4o") == 1


def test_data_that_is_damaged_is_none(tmp_path: Path) -> None:
    place(tmp_path, b"damaged")
    assert counted_tokens("abcdef", "gpt-4o") == 2
    assert list(tmp_path.iterdir()) == [place(tmp_path, b"damaged")]


def test_with_its_data_tokens_are_the_models_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A vocabulary of single bytes: as many tokens as bytes.
    lines = [base64.b64encode(bytes([byte])) + b" %d\n" % byte for byte in range(256)]
    data = b"".join(lines)
    digest = hashlib.sha256(data).hexdigest()
    place(tmp_path, data)
    monkeypatch.setitem(tokens._FILES, "o200k_base", ("o200k_base.tiktoken", digest))
    monkeypatch.setattr("tiktoken.load.check_hash", lambda *_: True)
    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {})
    for model in ("gpt-4o", "openai/gpt-4o"):
        assert counted_tokens("abc <|endoftext|>", model) == 17


def place(folder: Path, data: bytes) -> Path:
    url = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
    path = folder / hashlib.sha1(url.encode()).hexdigest()
    path.write_bytes(data)
    return path
