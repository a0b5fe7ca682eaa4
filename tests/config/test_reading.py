"""What is YAML, what is refused, and where a mistake is said to be."""

import itertools
import sys
from pathlib import Path

import pytest

from stomper_sdk.config import load_pipeline
from stomper_sdk.errors import PipelineError


def message(text: str) -> str:
    with pytest.raises(PipelineError) as caught:
        load_pipeline(text, environ={})
    return str(caught.value)


def test_on_is_a_key_and_no_truth_value() -> None:
    pipeline = load_pipeline("version: 1\nstages: [initialize]\nretry: {on: [guard]}\n")
    assert pipeline.retry.on == ("guard",)


def test_a_date_and_yes_are_text() -> None:
    text = "version: 1\nstages: [initialize]\nname: yes\nfiles: {since: 2024-01-01}\n"
    pipeline = load_pipeline(text)
    assert (pipeline.name, pipeline.files.since) == ("yes", "2024-01-01")


def test_a_duplicate_key_names_both_lines_and_hides_nothing_else() -> None:
    text = "version: 1\nstages: [initialize]\nversion: 1\nacept: all\n"
    assert message(text).splitlines() == [
        "<text>:3:1: version: the key 'version' stands twice, on lines 1 and 3",
        message("version: 1\nstages: [initialize]\n\nacept: all\n"),
    ]


def test_a_duplicate_key_below_an_anchor_is_told_once() -> None:
    text = "version: 1\nstages: [initialize]\nretry: &r {max_attempts: 1, max_attempts: 2}\n"
    assert message(text + "budget: *r\n").count("stands twice") == 1


def test_merge_keys_give_what_is_not_there() -> None:
    text = """
version: 1
stages: [initialize]
checks:
  first: &first {use: regex, pattern: a, timeout: 1s}
  second: &second {use: regex, pattern: b, args: [x]}
  third: {<<: [*first, *second], pattern: c}
"""
    third = load_pipeline(text).checks[2]
    assert third.options == {"pattern": "c", "timeout": "1s", "args": ["x"]}


def test_a_mistake_that_was_merged_in_is_told_once_where_it_stands() -> None:
    text = """version: 1
stages: [initialize]
checks:
  first: &first {timeout: soon}
  second: {<<: *first}
"""
    assert message(text) == (
        "<text>:4:27: checks.first.timeout: expected a duration such as 30s, 10m, 1h or 1.5s, got 'soon'"
    )


def test_billion_laughs_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    calls = itertools.count()

    def count(*_: object) -> None:
        assert next(calls) < 1_500_000, "it goes on"

    sys.setprofile(count)
    try:
        said = message("\n".join(lines))
    finally:
        sys.setprofile(None)
    assert "expands to more than 20000 values" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &a [*a]\n", "<text>:1:4: nested deeper than 40 levels"),
        ("a: &a {<<: *a}\n", "<text>:1:4: nested deeper than 40 levels"),
        ("[" * 100_000 + "\n", "<text>:1:41: nested deeper than 40 levels"),
        ("\n", "<text>: empty: expected at least the keys version and stages"),
        ("# nothing\n", "<text>: empty: expected at least the keys version and stages"),
        ("- a\n", "<text>:1:1: expected a mapping with the keys version and stages, got a list"),
        ("retry:\n\tx: 1\n", "<text>:2:1: not YAML: a tab; YAML indents with spaces only"),
        ("a: 1\n---\nb: 1\n", "<text>:2:1: expected one YAML document, got several"),
        ("a: [1\nb: 2\n", "not YAML:"),
        ('a: "\\UFFFFFFFF"\n', "<text>: not YAML:"),
        ("a: \x07\n", "<text>:1:4: not YAML: a character that text cannot hold"),
        ("a: !!python/object:os.system x\n", "<text>:1:4: a: the tag !!python/object:os.system"),
        ("a: !mine {}\n", "<text>:1:4: a: the tag !mine is refused"),
        ("a: " + "9" * 6000 + "\n", "<text>:1:4: a: expected a number of reasonable size"),
        ("a: 1e999\n", "<text>:1:4: a: expected a number of reasonable size"),
        ("1: a\n", "<text>:1:1: expected a name as key, got '1'"),
        ("[a]: a\n", "<text>:1:1: expected a name as key, got a list or a mapping"),
        ("<<: 3\n", "<text>:1:5: ['<<']: expected a mapping to merge in"),
        ("a: !!int x\n", "<text>:1:4: a: 'x' is not what its tag says"),
    ],
)  # fmt: skip
def test_what_is_no_pipeline_is_refused_at_its_place(text: str, expected: str) -> None:
    assert expected in message(text)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(PipelineError, match=r"huge\.yaml: larger than 1 MiB"):
        load_pipeline(path)


def test_bytes_that_are_no_text_are_placed(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"version: 1\nname: \xe9\n")
    with pytest.raises(PipelineError, match=r"latin\.yaml:2:7: not YAML: this byte is not UTF-8"):
        load_pipeline(path)


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\r\nstages: [initialize]\r\n")
    assert load_pipeline(path).name == "windows"
