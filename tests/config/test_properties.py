"""Whatever is done to a pipeline: it loads, or PipelineError tells why."""

import copy
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stomper_sdk.config import load_pipeline, shipped_dir
from stomper_sdk.errors import PipelineError
from stomper_sdk.model.pipeline import Pipeline

TEXT = (shipped_dir("pipelines") / "default.yaml").read_text(encoding="utf-8")
DATA = yaml.safe_load(TEXT.replace("\n  on:", "\n  'on':"))
ENVIRON = {"A": "x"}

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["fixed:x", "${A}", "${B}", "for_each_file", "attempt", "call_agent", "file"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["use", "attempt", "files", "x", "kind"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with every key or index in it."""
    found: list[tuple[Any, Any]] = []
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in list(children):
        found.append((value, key))
        if isinstance(child, dict | list):
            found += places(child)
    return found


def loads_or_tells(source: object) -> None:
    try:
        pipeline = load_pipeline(source, environ=ENVIRON)  # type: ignore[arg-type]
    except PipelineError as error:
        assert error.problems
        assert len({str(problem) for problem in error.problems}) == len(error.problems)
    else:
        assert isinstance(pipeline, Pipeline)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_values_put_in_at_random(data: st.DataObject) -> None:
    mutated = copy.deepcopy(DATA)
    for _ in range(data.draw(st.integers(1, 4))):
        container, key = data.draw(st.sampled_from(places(mutated)))
        if data.draw(st.booleans()):
            container[key] = data.draw(values)
        else:
            del container[key]
        if not mutated:
            break
    loads_or_tells(mutated)
    loads_or_tells(yaml.safe_dump(mutated, allow_unicode=True) + "\n")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(TEXT)), st.integers(0, 12), st.text("{}[]:,-*&!<>#|'\"$ \t\nab1~%@", max_size=6))
def test_text_changed_at_random(start: int, removed: int, inserted: str) -> None:
    loads_or_tells(TEXT[:start] + inserted + TEXT[start + removed :] + "\n")


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=40))
def test_any_text(text: str) -> None:
    loads_or_tells(text + "\n")
