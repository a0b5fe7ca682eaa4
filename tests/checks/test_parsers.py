"""Whatever a tool prints, a check gives findings of its tree or a CheckError, and nothing else ever."""

from __future__ import annotations

import copy
import json
import os
import threading
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stomper_sdk.checks import regex
from stomper_sdk.checks.bandit import BanditCheck
from stomper_sdk.checks.base import Look, ToolCheck, Tree
from stomper_sdk.checks.eslint import EslintCheck
from stomper_sdk.checks.files import read_sources
from stomper_sdk.checks.flake8 import Flake8Check
from stomper_sdk.checks.matching import Match
from stomper_sdk.checks.mypy import MypyCheck
from stomper_sdk.checks.pylint import PylintCheck
from stomper_sdk.checks.pyright import PyrightCheck
from stomper_sdk.checks.pytest import PytestCheck
from stomper_sdk.checks.regex import RegexCheck
from stomper_sdk.checks.ruff import RuffCheck
from stomper_sdk.checks.sarif import SarifCheck
from stomper_sdk.checks.tsc import TscCheck
from stomper_sdk.errors import CheckError
from stomper_sdk.model.finding import Finding
from stomper_sdk.options import build
from stomper_sdk.process import Completed

PATTERN = r"^(?P<path>[^:\n]+):(?P<line>\d+):(?P<column>\d+): (?P<severity>\w+): (?P<message>.*)$"
SOURCE = "import os\n\n\ndef f(x):\n    return x\n"
# What each tool really prints of one finding in `a.py`; `@` stands for the top of the tree.
RUFF = [
    {
        "cell": None,
        "code": "F401",
        "end_location": {"column": 10, "row": 1},
        "filename": "@/a.py",
        "fix": None,
        "location": {"column": 8, "row": 1},
        "message": "`os` imported but unused",
        "noqa_row": 1,
        "url": "https://x",
    },
    {
        "cell": 1,
        "code": None,
        "filename": "@/n.ipynb",
        "location": {"column": 1, "row": 1},
        "message": "SyntaxError: no",
    },
]
MYPY = {
    "file": "a.py",
    "line": 4,
    "column": 0,
    "message": "Function is missing a type annotation",
    "hint": None,
    "code": "no-untyped-def",
    "severity": "error",
}
PYRIGHT = {
    "version": "1.1",
    "generalDiagnostics": [
        {
            "file": "@/a.py",
            "severity": "error",
            "message": "no",
            "rule": "reportX",
            "range": {"start": {"line": 0, "character": 7}, "end": {"line": 0, "character": 9}},
        }
    ],
    "summary": {"filesAnalyzed": 1, "errorCount": 1},
}
PYLINT = {
    "messages": [
        {
            "type": "warning",
            "symbol": "unused-import",
            "message": "Unused import os",
            "messageId": "W0611",
            "path": "a.py",
            "line": 1,
            "column": 0,
            "endLine": 1,
            "endColumn": 9,
            "obj": "",
            "module": "a",
        }
    ],
    "statistics": {"score": 5.0},
}
BANDIT = {
    "errors": [{"filename": "./b.py", "reason": "syntax error"}],
    "results": [
        {
            "code": "1 import os\n",
            "col_offset": 0,
            "filename": "./a.py",
            "issue_severity": "LOW",
            "issue_text": "Consider",
            "line_number": 1,
            "test_id": "B404",
        }
    ],
}
ESLINT = [
    {
        "filePath": "@/a.js",
        "messages": [
            {
                "ruleId": "no-var",
                "severity": 2,
                "message": "Unexpected var",
                "line": 1,
                "column": 1,
                "fatal": False,
            }
        ],
    }
]
SARIF = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {
                "driver": {
                    "name": "x",
                    "rules": [
                        {
                            "id": "R1",
                            "messageStrings": {"m": {"text": "a {0} b"}},
                            "defaultConfiguration": {"level": "note"},
                        }
                    ],
                }
            },
            "originalUriBaseIds": {"TOP": {"uri": "file://@/"}},
            "artifacts": [{"location": {"uri": "a.py", "uriBaseId": "TOP"}}],
            "invocations": [{"executionSuccessful": True}],
            "results": [
                {
                    "ruleIndex": 0,
                    "message": {"id": "m", "arguments": ["x"]},
                    "level": "error",
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {"index": 0},
                                "region": {"startLine": 1, "startColumn": 2},
                            }
                        }
                    ],
                },
                {
                    "ruleId": "R1",
                    "rule": {"id": "R1"},
                    "message": {"text": "t"},
                    "suppressions": [{"status": "rejected"}],
                    "locations": [{"physicalLocation": {"artifactLocation": {"uri": "b.py"}}}],
                },
            ],
        }
    ],
}
PROBE = {
    "exit_status": 1,
    "tests": [
        {
            "nodeid": "test_a.py::test_f",
            "file": "@/test_a.py",
            "line": 1,
            "outcome": "failed",
            "phase": "call",
            "message": "assert 1 == 2",
            "longrepr": "E assert",
        }
    ],
    "collection_errors": [
        {
            "nodeid": "test_b.py",
            "file": "@/test_b.py",
            "line": None,
            "outcome": "error",
            "phase": "collect",
            "message": "ImportError",
            "longrepr": "",
        }
    ],
    "foreign_modules": [],
}


@attrs.frozen
class Case:
    """A check, what its tool prints, and the exit code with which it does."""

    plugin: type[ToolCheck]
    sample: Any
    exit_code: int = 1
    options: Mapping[str, Any] = attrs.field(factory=dict)
    findings: int = 1


CASES = [
    Case(RuffCheck, RUFF, 0, findings=2),
    Case(MypyCheck, MYPY),
    Case(
        MypyCheck,
        "a.py:4:1: error: Function is missing a type annotation  [no-untyped-def]\n",
        1,
        {"command": "old"},
    ),
    Case(PyrightCheck, PYRIGHT),
    Case(PylintCheck, PYLINT, 4),
    Case(BanditCheck, BANDIT, findings=2),
    Case(EslintCheck, ESLINT),
    Case(Flake8Check, "('./a.py', 1, 1, 'F401', \"'os' imported but unused\")\n1\n"),
    Case(TscCheck, "a.ts(1,5): error TS2322: Type 'string' is not\n  assignable.\n/@/a.ts\n", 2),
    Case(SarifCheck, SARIF, options={"command": "x"}, findings=2),
    Case(
        RegexCheck,
        "a.py:1:2: error: bad\nb.py:2:1: note: worse\n",
        options={"command": "x", "pattern": PATTERN},
        findings=2,
    ),
    Case(PytestCheck, PROBE, findings=2),
]


def name_of(case: Case) -> str:
    return f"{case.plugin.__name__}-{type(case.sample).__name__}"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    root = tmp_path_factory.mktemp("tree")
    for name in ("a.py", "b.py", "a.js", "a.ts", "test_a.py"):
        (root / name).write_text(SOURCE)
    notebook = {"cells": [{"cell_type": "code", "source": ["import os"]}]}
    (root / "n.ipynb").write_text(json.dumps(notebook, indent=1))
    (root / "folder").mkdir()
    return Tree(root, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def look(tree: Tree) -> Iterator[Callable[[Case, bytes, int], Look]]:
    """What a check sees when its tool prints that; no process is started."""
    printed: list[tuple[bytes, int]] = []

    async def run(
        self: ToolCheck,
        tree: Tree,
        argv: Sequence[str],
        *,
        ok: Container[int],
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        output, code = printed[-1]
        if env and (report := env.get("STOMPER_PROBE_REPORT")):
            Path(report).write_bytes(output)
        done = Completed(tuple(argv), code, output, b"", 0.1)
        if code not in ok:
            raise self.crash(done)
        return done

    async def version(self: ToolCheck, tree: Tree | None = None) -> str:
        return "1.0.0" if self.command and "old" in self.command else "99.0.0"

    async def matches(pattern: Any, text: str, *, timeout: float, max_output: int) -> tuple[Match, ...]:
        return tuple(Match(match[0], match.groupdict()) for match in pattern.finditer(text))

    def look(case: Case, output: bytes, code: int) -> Look:
        check = build(case.plugin, "mine", {**case.options}, "checks.mine")
        printed.append((output.replace(b"@", os.fsencode(tree.root)), code))
        seen: Look = trio.run(check.look, tree, None)
        return seen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ToolCheck, "run", run)
        patch.setattr(ToolCheck, "version", version)
        patch.setattr(regex, "find_matches", matches)
        for plugin in {case.plugin for case in CASES}:
            if "version" in vars(plugin):
                patch.setattr(plugin, "version", version)
        patch.setattr(ToolCheck, "program", lambda self, tree=None, name="": "/usr/bin/tool")
        yield look


def rendered(sample: object) -> bytes:
    text = sample if isinstance(sample, str) else json.dumps(sample)
    return text.encode("utf-8", "surrogatepass")


# Values that tools should not print, and paths that no tree can hold: surrogates, controls, much too long.
paths = st.one_of(
    st.text(st.characters(), max_size=40),
    st.sampled_from(
        [
            "",
            ".",
            "..",
            "/",
            "//",
            "a.py/b",
            "folder",
            "\0",
            "a\0.py",
            "\ud800.py",
            "\udcff.py",
            "\x1b[2J",
            "\u202ea.py",
            "x" * 5000,
            "d/" * 300,
            "@",
            "@/../a.py",
            "~",
            "C:\\a.py",
            "a\n.py",
            "file:///etc/passwd",
            "http://[",
            "%zz",
        ]
    ),
)
values = st.one_of(
    paths,
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(
        [0, -1, 2**63, 10**400, 1e308, float("nan"), float("inf"), -0.5, [], {}, [[]], "9" * 5000]
    ),
    st.lists(st.none() | st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.none() | st.integers(), max_size=3),
)


def places(value: Any, trail: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in plain data."""
    if trail:
        yield trail
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*trail, key))


def mutated(sample: Any, draw: st.DataObject) -> Any:
    """A sample in which something is another thing, or missing."""
    if isinstance(sample, str):
        start = draw.draw(st.integers(0, len(sample)))
        put = draw.draw(paths | st.sampled_from(["9" * 5000, "(" * 500, "\n", "'", "0" * 400, "\\ud800"]))
        return sample[:start] + put + sample[start + draw.draw(st.integers(0, 12)) :]
    sample = copy.deepcopy(sample)
    for _ in range(draw.draw(st.integers(1, 3))):
        found = list(places(sample))
        if not found:
            break
        *above, last = draw.draw(st.sampled_from(found))
        parent = sample
        for key in above:
            parent = parent[key]
        if draw.draw(st.booleans()):
            parent[last] = draw.draw(values)
        else:
            del parent[last]
    return sample


def check_seen(look: Callable[[Case, bytes, int], Look], case: Case, output: bytes, code: int) -> None:
    try:
        seen = look(case, output, code)
    except CheckError as error:
        assert error.message.startswith("check mine: ")
        return
    for finding in seen.findings:
        assert finding.check == "mine"
        assert not Path(finding.path).is_absolute() and ".." not in Path(finding.path).parts
        assert finding.line is None or finding.line > 0


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_samples_are_what_the_checks_read(case: Case, look: Callable[..., Look]) -> None:
    assert len(look(case, rendered(case.sample), case.exit_code).findings) == case.findings


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_real_output_in_which_something_is_wrong(case: Case, look: Callable[..., Look]) -> None:
    @settings(max_examples=30, deadline=None)
    @given(st.data(), st.integers(0, 2))
    def holds(draw: st.DataObject, more: int) -> None:
        check_seen(look, case, rendered(mutated(case.sample, draw)), case.exit_code if more else 0)

    holds()


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_an_output_of_anything(case: Case, look: Callable[..., Look]) -> None:
    texts = st.text(st.characters(), max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    documents = st.recursive(values, lambda inner: st.lists(inner, max_size=3), max_leaves=5).map(rendered)
    deep = st.tuples(st.sampled_from([b"[", b'{"a":', b"(", b"-"]), st.just(100_000))
    plain = st.binary(max_size=200) | texts | documents | st.just(b"\xff\xfe")

    @settings(max_examples=20, deadline=None)
    @given(st.tuples(plain, st.just(1)) | deep, st.integers(0, 40))
    @example((b"[", 100_000), 2)
    @example((b"{}", 1), 2)
    def holds(output: tuple[bytes, int], code: int) -> None:
        check_seen(look, case, output[0] * output[1], code)

    holds()


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_path_that_no_tree_can_hold(case: Case, look: Callable[..., Look]) -> None:
    @settings(max_examples=20, deadline=None)
    @given(paths)
    def holds(path: str) -> None:
        sample = rendered(case.sample)
        put = path if isinstance(case.sample, str) else json.dumps(path)[1:-1]
        for name in (b"@/a.py", b"./a.py", b"a.py", b"@/a.js", b"a.ts", b"@/test_a.py"):
            if name in sample:
                sample = sample.replace(name, put.encode("utf-8", "surrogatepass"))
                break
        check_seen(look, case, sample, case.exit_code)

    holds()


def test_a_pipe_in_the_place_of_a_file_holds_nothing_up(tree: Tree) -> None:
    os.mkfifo(tree.root / "pipe.py")
    found = [Finding("mine", "X", "no", name, 1) for name in ("pipe.py", "a.py", "folder", "gone.py")]
    seen: list[dict[str, str]] = []
    reader = threading.Thread(target=lambda: seen.append(read_sources(tree.root, found)), daemon=True)
    reader.start()
    reader.join(20)
    assert seen == [{"a.py": SOURCE}]
