"""YAML text -> nodes with places, within limits that no honest pipeline meets.

The scalars are those of YAML 1.2: `on`, `yes` and dates are text. (In YAML 1.1, PyYAML's own reading,
the key `on` of `retry` would be the truth value.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import attrs
import yaml

from stomper_sdk.config.document import (
    MAX_DEPTH,
    MAX_NODES,
    Node,
    Place,
    Scalar,
    Trail,
    dotted,
    unusable,
)
from stomper_sdk.errors import PipelineError, Problem

__all__ = ["KEYS", "MAX_BYTES", "Kind", "read_file", "read_text"]

Kind = Literal["pipeline", "experiment"]
#: What there must at least be in one.
KEYS: Mapping[Kind, str] = {"pipeline": "version and stages", "experiment": "version and matrix or variants"}
MAX_BYTES = 1024 * 1024
_TAG = "tag:yaml.org,2002:"


def read_file(path: Path, file: str, kind: Kind = "pipeline") -> tuple[Node, list[Problem]]:
    """The content of a file; see `read_text`.

    Raises:
        PipelineError: if it cannot be read, is larger than such a file may be, or is not YAML.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(f"cannot be read: {error.strerror}", file) from error
    if len(content) > MAX_BYTES:
        raise _refused(f"larger than 1 MiB: this is no {kind}", file)
    try:
        return read_text(content.decode("utf-8-sig"), file, kind)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise _refused("not YAML: this byte is not UTF-8", file, line, column) from error


def read_text(text: str, file: str, kind: Kind = "pipeline") -> tuple[Node, list[Problem]]:
    """The root and what is wrong with its keys, values and tags.

    Raises:
        PipelineError: if the text is not YAML at all, is empty, or expands beyond the limits.
    """
    if len(text) > MAX_BYTES:
        raise _refused(f"larger than 1 MiB: this is no {kind}", file)
    try:
        composed = _Loader(text).get_single_node()
        builder = _Builder(file)
        root = builder.build(composed, ()) if composed else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise _refused(_syntax(error), file, line, column) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise _refused("not YAML: a character that text cannot hold", file, line, column) from error
    except (ValueError, OverflowError) as error:  # PyYAML on "\UFFFFFFFF" or an endless %YAML number
        raise _refused(f"not YAML: {error}", file) from error
    if root is None:
        raise _refused(f"empty: expected at least the keys {KEYS[kind]}", file)
    return root, builder.problems


def _refused(message: str, file: str, line: int = 0, column: int = 0) -> PipelineError:
    return PipelineError([Problem(message, "", file, line, column)])


def _syntax(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "it cannot be parsed"
    if r"'\t'" in problem:
        return "not YAML: a tab; YAML indents with spaces only"
    if "another document" in problem:
        return "expected one YAML document, got several"
    return problem if isinstance(error, _LimitError) else f"not YAML: {problem}"


class _LimitError(yaml.MarkedYAMLError):
    """The text is YAML, and more of it than a pipeline may be."""


def _limit(problem: str, mark: yaml.Mark) -> _LimitError:
    return _LimitError(problem=problem, problem_mark=mark)


_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_TOO_MANY = f"expands to more than {MAX_NODES} values"


class _Loader(yaml.SafeLoader):
    """Composes nodes only; the depth is held while composing, which is recursive."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  none of YAML 1.1's
    depth = 0
    count = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        self.count += 1
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.depth > MAX_DEPTH:
            raise _limit(_TOO_DEEP, mark)
        if self.count > 2 * MAX_NODES:  # keys count here
            raise _limit(_TOO_MANY, mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), list(_first))


@attrs.define
class _Builder:
    """Composed nodes -> nodes; aliases are expanded, and every expansion is counted."""

    file: str
    problems: list[Problem] = attrs.field(factory=list)
    seen: set[tuple[int, int, str]] = attrs.field(factory=set)
    count: int = 0

    def build(self, node: yaml.Node, trail: Trail) -> Node:
        self._count(node, trail)
        if isinstance(node, yaml.MappingNode) and self._is(node, "map", trail):
            return Node(self._mapping(node, trail), self._place(node))
        if isinstance(node, yaml.SequenceNode) and self._is(node, "seq", trail):
            items = enumerate(node.value)
            children = tuple(self.build(item, (*trail, index)) for index, item in items)
            return Node(children, self._place(node))
        value = self._scalar(node, trail) if isinstance(node, yaml.ScalarNode) else None
        return Node(value, self._place(node))

    def _count(self, node: yaml.Node, trail: Trail) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            raise _limit(_TOO_MANY, node.start_mark)
        if len(trail) > MAX_DEPTH:  # an alias may hold itself
            raise _limit(_TOO_DEEP, node.start_mark)

    def _mapping(self, node: yaml.MappingNode, trail: Trail) -> dict[str, Node]:
        own: dict[str, Node] = {}
        inherited: dict[str, Node] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                for base in self._bases(value_node, (*trail, "<<")):
                    for name, child in base.items():
                        inherited.setdefault(name, child)
                continue
            key = self._key(key_node, trail)
            if key is None:
                continue
            if key in own:
                self._duplicate(key, own[key], key_node, trail)
            child = self.build(value_node, (*trail, key))
            own.setdefault(key, attrs.evolve(child, key=self._place(key_node)))
        return {**inherited, **own}

    def _bases(self, node: yaml.Node, trail: Trail) -> Iterator[dict[str, Node]]:
        """What `<<` merges in: a mapping, or a list of them, of which the first wins."""
        for base in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            self._count(base, trail)
            if isinstance(base, yaml.MappingNode):
                yield self._mapping(base, trail)
            else:
                self._problem(base, trail, "expected a mapping to merge in")

    def _key(self, node: yaml.Node, trail: Trail) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag == _TAG + "str":
            if not unusable(node.value):
                return str(node.value)
            self._problem(node, trail, unusable(node.value))
            return None
        got = repr(node.value) if isinstance(node, yaml.ScalarNode) else "a list or a mapping"
        self._problem(node, trail, f"expected a name as key, got {got}; a name needs quotes here")
        return None

    def _duplicate(self, key: str, first: Node, second: yaml.Node, trail: Trail) -> None:
        line = first.key.line if first.key else first.place.line
        self._problem(
            second,
            (*trail, key),
            f"the key {key!r} stands twice, on lines {line} and {second.start_mark.line + 1}",
        )

    def _is(self, node: yaml.Node, kind: str, trail: Trail) -> bool:
        if node.tag == _TAG + kind:
            return True
        self._unknown_tag(node, trail)
        return False

    def _scalar(self, node: yaml.ScalarNode, trail: Trail) -> Scalar:
        construct = _SCALARS.get(node.tag.removeprefix(_TAG))
        if construct is None:
            self._unknown_tag(node, trail)
            return None
        try:
            value = construct(node.value)
        except (KeyError, ValueError):
            self._problem(node, trail, f"{node.value[:40]!r} is not what its tag says")
            return None
        reason = unusable(value)
        if reason:
            self._problem(node, trail, reason)
            return None
        return value

    def _unknown_tag(self, node: yaml.Node, trail: Trail) -> None:
        tag = node.tag.replace(_TAG, "!!")
        self._problem(node, trail, f"the tag {tag} is refused: plain values only")

    def _problem(self, node: yaml.Node, trail: Trail, message: str) -> None:
        place = self._place(node)
        seen = (place.line, place.column, message)
        if seen not in self.seen:  # an alias brings the same text again
            self.seen.add(seen)
            self.problems.append(Problem(message, dotted(trail), self.file, *seen[:2]))

    def _place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)


def _integer(text: str) -> int:
    if len(text) > 20:
        return 10**20  # larger than any key takes: refused by size, as is a longer one
    return int(text, 0) if re.match(r"0[ox]", text) else int(text)


_SCALARS: dict[str, Callable[[str], Scalar]] = {
    "str": str,
    "null": lambda _: None,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": _integer,
    "float": float,
    "merge": str,
}
