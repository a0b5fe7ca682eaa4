"""Recordings as text: what is written is read again as it was, what is broken is refused with its line."""

from __future__ import annotations

import hashlib
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stomper_sdk.agents.base import AgentReply
from stomper_sdk.agents.recording import (
    Answer,
    BrokenRecordingError,
    Failure,
    Question,
    Recording,
    parse,
    render,
)
from stomper_sdk.vcs.checkout import Entry
from stomper_sdk.workspaces.patches import Edited, Patch

# Whatever a file name, a prompt or a reply can hold: undecodable bytes too, as lone low surrogates.
texts = st.text(
    st.characters(exclude_categories=["Cs"]) | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
shas = st.text("0123456789abcdef", min_size=40, max_size=40)
entries = st.builds(Entry, st.sampled_from(["000000", "100644", "100755", "120000"]), shas)
numbers = st.none() | st.integers(0, 10**9)
questions = st.builds(
    Question,
    agent=texts,
    use=texts,
    options=st.dictionaries(texts, plain, max_size=4),
    path=texts,
    attempt=st.integers(1, 99),
    file=shas,
    findings=st.lists(texts, max_size=4).map(tuple),
    prompt=texts,
)
edited = st.builds(Edited, texts.filter(bool), entries, entries)
patches = st.just(Patch()) | st.builds(
    Patch, st.lists(edited, min_size=1, max_size=3).map(tuple), st.binary()
)
replies = st.builds(
    AgentReply,
    text=texts,
    tokens_in=numbers,
    tokens_out=numbers,
    model=st.none() | texts,
    cost_usd=st.none() | st.floats(0, 9),
)
failures = st.none() | st.builds(
    Failure, st.sampled_from(["error", "timeout", "unavailable", "quota", "auth"]), texts.filter(bool), texts
)
recordings = st.builds(Recording, questions, st.builds(Answer, st.floats(0, 1e6), replies, patches, failures))
SAMPLE = Recording(
    Question(
        "inner",
        "chat",
        {"model": "small"},
        "src/a.py",
        1,
        "0" * 64,
        ("ruff F401 a.py:1: unused",),
        "Fix it.\n",
    ),
    Answer(
        1.5,
        AgentReply("Done.", tokens_in=12),
        Patch((Edited("src/a.py", Entry("100644", "1" * 40), Entry("100644", "2" * 40)),), b"--- a\n+++ b\n"),
    ),
)


@given(recordings)
def test_what_is_written_is_read_as_it_was(recording: Recording) -> None:
    assert parse(render(recording), "x") == recording


@given(recordings)
def test_no_editor_or_setting_of_git_changes_it_silently(recording: Recording) -> None:
    """Line ends become CRLF, blanks at the ends of lines go: the same is read, for there are none."""
    data = render(recording)
    assert parse(data.replace(b"\n", b"\r\n"), "x") == recording
    assert b"".join(line.rstrip() + b"\n" for line in data.split(b"\n")[:-1]) == data
    assert data.decode().replace("\n", "").replace("\t", "").isprintable()


@given(st.binary() | recordings.map(render), st.data())
def test_what_is_broken_is_refused_and_never_crashes(data: bytes, draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, max(len(data) - 1, 0)))
    broken = data[:place] + draw.draw(st.binary(max_size=3)) + data[place + draw.draw(st.integers(0, 9)) :]
    try:
        read = parse(broken, "x")
    except BrokenRecordingError as error:
        assert error.message.startswith("x:")
    else:
        # The line end of the last line may be missing.
        assert render(read) == broken.replace(b"\r\n", b"\n").removesuffix(b"\n") + b"\n"


@given(recordings.map(render), st.data())
def test_what_is_forged_is_refused_or_read(data: bytes, draw: st.DataObject) -> None:
    """With a sum that fits, only the values can be wrong."""
    lines = data.split(b"\n")[:-2]
    place = draw.draw(st.integers(1, max(len(lines) - 1, 1)))
    values = st.sampled_from([b"null", b"-1", b'"x"', b"[]", b"{}", b"NaN", b"1e999", b"[" * 9999, b"\xff"])
    lines[place : place + 1] = [lines[place].partition(b":")[0] + b": " + draw.draw(values)]
    try:
        parse(summed(b"\n".join(lines) + b"\n"), "x")
    except BrokenRecordingError as error:
        assert error.message.startswith("x:")


def summed(body: bytes) -> bytes:
    return body + b"sum: " + hashlib.sha256(body).hexdigest().encode() + b"\n"


def forged(old: bytes, new: bytes) -> bytes:
    body = render(SAMPLE).rpartition(b"sum: ")[0]
    assert old in body
    return summed(body.replace(old, new))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "x:1: it is no recording"),
        (b"hello\n", "x:1: it is no recording"),
        (render(SAMPLE).replace(b"Fix it", b"Fix all"), ":23: the sum does not fit: it was changed since"),
        (render(SAMPLE)[:-1][:-3] + b"000\n", ":23: the sum does not fit"),
        (render(SAMPLE)[:200], "its end is missing"),
        (
            forged(b"version 1", b"version 2"),
            "x:1: it is of version 2, made by a newer stomper-sdk; this one knows 1",
        ),
        (forged(b"attempt: 1", b'attempt: "1"'), "x:6: attempt is '1'"),
        (forged(b"seconds: 1.5", b"seconds: later"), "x:8: it is no JSON"),
        (forged(b"path:", b"pats:"), "x:5: 'pats' is unknown"),
        (forged(b'use: "chat"\n', b""), "x:1: use is missing"),
        (forged(b"attempt: 1\n", b"attempt: 1\nattempt: 2\n"), "x:7: 'attempt' stands here twice"),
        (forged(b"  100644 1", b"  1 1"), "edited holds '1 1"),
        (forged(b"prompt:\n", b"prompt:\n! 5\n"), "it is no text"),
        (forged(b"agent:", b"  agent:"), "x:2: it belongs to nothing"),
        (b"# What an agent answered, kept by stomper-sdk, version 1\n\xff\n", "x:2: it is no text"),
    ],
)
def test_a_broken_recording_is_refused_with_its_line(data: bytes, said: str) -> None:
    with pytest.raises(BrokenRecordingError) as caught:
        parse(data, "x")
    assert said in caught.value.message
    assert caught.value.hint


def test_a_recording_is_text_for_people() -> None:
    lines = render(SAMPLE).decode().splitlines()
    for line in (
        'agent: "inner"',
        'options: {"model": "small"}',
        "tokens_in: 12",
        "  Fix it.",
        "  Done.",
        "  +++ b",
    ):
        assert line in lines


@pytest.mark.parametrize("field", [field.name for field in attrs.fields(Question)])
def test_every_part_of_a_question_makes_another_key(field: str) -> None:
    value = getattr(SAMPLE.question, field)
    other: Any = {str: "other", int: 7, dict: {}, tuple: ()}[type(value)]
    changed: dict[str, Any] = {field: other}
    assert attrs.evolve(SAMPLE.question, **changed).key != SAMPLE.question.key
