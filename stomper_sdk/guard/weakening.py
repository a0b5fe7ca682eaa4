"""Whether the assertions of a test claim less than they did."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import attrs

from stomper_sdk.guard.assertions import asserted, errors
from stomper_sdk.guard.claims import CLOSE, Claim
from stomper_sdk.guard.scopes import Function, bodies, dotted, live

__all__ = ["claims", "weakened"]

_BROAD = frozenset({"Exception", "BaseException", "Warning"})
_CATCHES = _BROAD | {"AssertionError"}
_SUPPRESSES = frozenset({"contextlib.suppress", "suppress"})
# How much a claim says of its subject; one in place of another must not say less.
_STRENGTH = {
    "==": 4, "is": 4, "raises": 4, "fail": 2, "in": 2, "not in": 2, "<": 2, "<=": 2, ">": 2, ">=": 2,
    "!=": 1, "is not": 1, "true": 1, "false": 1, "nothing": 0, "assert_called_once_with": 4,
    "assert_called_with": 3, "assert_not_called": 4, "assert_has_calls": 3, "assert_any_call": 2,
    "assert_called_once": 2, "assert_called": 1,
}  # fmt: skip
_STRONGER = {("==", "is"), ("is", "=="), ("!=", "is not"), ("is not", "!="), ("<=", "<"), (">=", ">")}
_ANYTHING = re.compile(r"\bANY\b")
_NEAR = 200  # claims that are looked through for what stands in the place of one
_EMPTY = ("[]", "{}", "()", "''")


def claims(function: Function) -> Sequence[Claim]:
    """The claims that a test makes when it runs, in the order in which they stand."""
    return list(_of_body(function.body, False))


def weakened(
    before: Sequence[Claim], after: Sequence[Claim], elsewhere: Collection[str]
) -> Iterator[tuple[str, int]]:
    """What became of claims, each with the line of what stands in its place, 0 if nothing does.

    What came `elsewhere` in the fix, into a helper or another test, has not gone.
    """
    known = {str(claim) for claim in before}
    for claim in after:
        if claim.operator == "nothing" and str(claim) not in known:
            yield f"asserts `{claim}`, which always holds,", claim.line
    new = [claim for claim in _more(after, before) if claim.operator != "nothing"]
    likes = {(claim.operator, claim.literals) for claim in new}
    lost = _more(before, after)
    for claim in sorted(lost, key=lambda claim: (claim.operator, claim.literals) not in likes):
        if claim.operator == "nothing" or str(claim) in elsewhere:
            continue
        match = _counterpart(claim, new)
        if match is None:
            yield f"removes the assertion `{claim}`", 0
            continue
        new.remove(match)
        if said := _less(claim, match):
            yield f"{said} `{claim}` to `{match}`", match.line


def _more(these: Sequence[Claim], than: Sequence[Claim]) -> Sequence[Claim]:
    """Of these, the claims that the others do not make, or not as often."""
    left = Counter((str(claim), claim.conditional) for claim in than)
    more = []
    for claim in these:
        key = str(claim), claim.conditional
        if left[key] <= 0:
            more.append(claim)
        elif not claim.conditional:  # the branches of a condition may be joined
            left[key] -= 1
    return more


def _counterpart(claim: Claim, new: Sequence[Claim]) -> Claim | None:
    """What stands in the place of a claim: the one that is most like it, by its subject first."""

    def likeness(other: Claim) -> tuple[bool, bool, bool, int]:
        is_same = (
            other.subject == claim.subject,
            other.expected == claim.expected,
            other.operator == claim.operator,
        )
        return *is_same, -len(other.literals ^ claim.literals)

    return max(new[:_NEAR], key=likeness, default=None)


def _less(before: Claim, after: Claim) -> str:
    """How the one claims less than the other, as a verb; empty where it does not."""
    if after.conditional and not before.conditional:
        return "asserts only under a condition what it asserted in any case,"
    if (before.operator, after.operator) == ("==", "false") and before.expected in _EMPTY:
        return ""
    if (before.subject, before.operator, before.expected) == (after.expected, after.operator, after.subject):
        return ""
    if _strength(after) != _strength(before):
        return "weakens" if _strength(after) < _strength(before) else ""
    if after.tolerance > max(before.tolerance, CLOSE):
        return "widens the tolerance of"
    if before.operator == "raises":
        return _expects_less(before, after)
    turned = before.operator != after.operator and (before.operator, after.operator) not in _STRONGER
    if turned and (before.subject, before.expected) == (after.subject, after.expected):
        return "turns"
    return "changes what is expected, from" if _differ(before, after) else ""


def _differ(before: Claim, after: Claim) -> bool:
    if "in" not in before.operator and before.value is not ... and after.value is not ...:
        return bool(before.value != after.value)
    return bool(before.literals - after.literals and after.literals - before.literals)


def _expects_less(before: Claim, after: Claim) -> str:
    if not set(after.expected.split(" | ")) <= set(before.expected.split(" | ")):
        return "expects another exception, from"
    if before.literals and not after.literals:
        return "drops the match of"
    return "changes what is expected, from" if _differ(before, after) else ""


def _strength(claim: Claim) -> int:
    is_broad = claim.operator == "raises" and not _BROAD.isdisjoint(claim.expected.split(" | "))
    strength = 1 if is_broad else _STRENGTH.get(claim.operator, 3)
    return strength - len(_ANYTHING.findall(claim.expected))


def _of_body(body: Sequence[ast.stmt], conditional: bool) -> Iterator[Claim]:
    for statement in live(body):
        for claim in asserted(statement):
            yield attrs.evolve(claim, conditional=conditional)
        inner = conditional or isinstance(statement, ast.If | ast.Match)
        unheard = statement.body if isinstance(statement, ast.With | ast.Try) and _swallows(statement) else ()
        for block in bodies(statement):
            if block is not unheard:
                yield from _of_body(block, inner)


def _swallows(statement: ast.stmt) -> bool:
    """Whether an assertion may fail in there and nobody hears of it."""
    match statement:
        case ast.With(items=items):
            calls = [item.context_expr for item in items if isinstance(item.context_expr, ast.Call)]
            return any(dotted(c.func) in _SUPPRESSES and _catches(*c.args) for c in calls)
        case ast.Try(handlers=handlers):
            return any(
                (each.type is None or _catches(each.type))
                and not any(isinstance(node, ast.Raise | ast.Assert | ast.Call) for node in ast.walk(each))
                for each in handlers
            )
    return False


def _catches(*caught: ast.expr) -> bool:
    return not _CATCHES.isdisjoint(name for error in caught for name in errors(error))
