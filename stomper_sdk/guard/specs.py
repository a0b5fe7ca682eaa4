"""`test_edits` in other languages than Python: by what tests and assertions look like, line by line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from stomper_sdk.guard.base import Edit, Hunk, Refusal, changes
from stomper_sdk.guard.offers import uncommented

__all__ = ["spec_edits"]

_RULE = "test_edits"
_SKIPS = re.compile(
    r"\b(?P<js>x(?:it|test|describe|context|specify)\b"
    r"|(?:it|test|describe|context|suite)\.(?:skip|todo|failing|only|skipIf|fixme)\b"
    r"|f(?:it|describe)(?=\())|\b(?P<go>t\.Skip(?:f|Now)?)\(|#\[(?P<rust>ignore)|@(?P<java>Disabled|Ignore)\b"
    r"|\b(?P<php>markTestSkipped|markTestIncomplete)|^\s*(?P<rb>skip|pending)\b(?!\s*=)"
)
_NAMED = re.compile(
    r"^[ \t]*(?:it|test|specify|describe|context)(?:\.\w+)?(?:\.each\([^()\n]*\))?"
    r"\s*\(?\s*(?P<quote>['\"`])(?P<js>.*?)(?P=quote)"
    r"|^[ \t]*func\s+(?P<go>Test\w+)|^[ \t]*def\s+(?P<rb>test_\w+)"
    r"|^[ \t]*(?:public\s+)?void\s+(?P<java>test\w+)"
    r"|^[ \t]*@test\s+['\"](?P<bats>[^'\"]*)|#\[(?:\w+::)*test\][^{]{0,200}?\bfn\s+(?P<rs>\w+)",
    re.MULTILINE,
)
_CLAIM = re.compile(
    r"\b(?:expect|assert\w*|should\w*|t\.(?:Error|Fatal|Fail)\w*|require\.\w+|verify|XCTAssert\w*)!?\s*[(.]"
    r"|\bassert\b"
)
_WEAK = re.compile(
    r"\b(?:toBeTruthy|toBeDefined|not\.toBeNull|not\.toBeUndefined|not\.toThrow|expect\.any\w*|toBeInstanceOf"
    r"|assert\.(?:ok|NotNil|True)|toHaveBeenCalled\(|assertNotNull|assert_not_nil|be_truthy|not_to be_nil)"
)
_LITERAL = re.compile(
    r"\\.|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`|-?\b\d[\w.]*|\b(?:true|false|null|nil|undefined)\b"
)


def spec_edits(edits: Sequence[Edit]) -> Iterator[Refusal]:
    """Tests that are gone or skipped, and assertions that are fewer, weaker, or of other values."""
    came = frozenset(name for edit in edits for name in _tests(edit, edit.new) - _tests(edit, edit.old))
    texts = frozenset(edit.new for edit in edits if edit.before is None)
    for edit, hunks in changes(edits):
        if edit.after is None or (edit.old.strip() and not edit.new.strip()):
            if edit.old not in texts and _CLAIM.search(edit.old):
                yield Refusal(_RULE, edit.path, 0, edit.path, "removes the tests")
            continue
        for name in sorted(_tests(edit, edit.old) - _tests(edit, edit.new) - came):
            yield Refusal(_RULE, edit.path, 0, name, f"removes the test `{name}`")
        before, after = (len(_CLAIM.findall(uncommented(edit.path, text))) for text in (edit.old, edit.new))
        if after < before:
            said = f"removes {before - after} of {before} assertions"
            yield Refusal(_RULE, edit.path, 0, edit.path, said)
        if edit.before:
            yield from (refusal for hunk in hunks for refusal in _changed(edit, hunk))


def _tests(edit: Edit, text: str) -> frozenset[str]:
    found = _NAMED.finditer(uncommented(edit.path, text))
    return frozenset(
        name for match in found for key, name in match.groupdict().items() if name and key != "quote"
    )


def _changed(edit: Edit, hunk: Hunk) -> Iterator[Refusal]:
    """Line by line: what skips, what claims less, and the same claim with another value in it."""
    gone = {pattern: _words(pattern, edit, hunk.removed) for pattern in (_SKIPS, _WEAK)}
    shapes = {_shape(line): line for _, line in hunk.removed if _CLAIM.search(line)}
    for number, line in hunk.added:
        for pattern, verb in ((_SKIPS, "skips by"), (_WEAK, "claims no more than")):
            words = _words(pattern, edit, [(number, line)])
            for word in words - gone[pattern]:
                if pattern is _SKIPS or shapes:
                    yield Refusal(_RULE, edit.path, number, edit.path, f"{verb} `{word}`")
            gone[pattern] -= words
        old = shapes.get(_shape(line)) if shapes else None
        if old is not None and _values(old) != _values(line):
            said = f"changes what is expected, from `{old.strip()}` to `{line.strip()}`"
            yield Refusal(_RULE, edit.path, number, edit.path, said)


def _words(pattern: re.Pattern[str], edit: Edit, lines: Sequence[tuple[int, str]]) -> Counter[str]:
    texts = (uncommented(edit.path, line) for _, line in lines if line.strip())
    return Counter(match[0].strip(" (#[") for text in texts for match in pattern.finditer(text))


def _shape(line: str) -> str:
    """The line without its values, nor what a formatter may change."""
    return re.sub(r"[\s;,()]", "", _LITERAL.sub("_", line))


def _values(line: str) -> Sequence[str]:
    return [literal.strip("\"'`") for literal in _LITERAL.findall(line)]
