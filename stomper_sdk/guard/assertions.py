"""The assertions of Python tests, as claims.

Each is brought to one form, so that a linter's rewriting (`x == None` to `x is None`, `assertEquals(a, b)`
to `assert a == b`, `a and b` to two assertions) changes nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

import attrs

from stomper_sdk.guard.claims import CLOSE, Claim, literals, text_of, value_of
from stomper_sdk.guard.scopes import dotted

__all__ = ["asserted", "errors"]

_UNITTEST = {
    "assertEqual": "==", "assertEquals": "==", "assertListEqual": "==", "assertDictEqual": "==",
    "assertTupleEqual": "==", "assertSetEqual": "==", "assertSequenceEqual": "==",
    "assertMultiLineEqual": "==", "assertNotEqual": "!=", "assertNotEquals": "!=", "assertIs": "is",
    "assertIsNot": "is not", "assertIn": "in", "assertNotIn": "not in", "assertGreater": ">",
    "assertGreaterEqual": ">=", "assertLess": "<", "assertLessEqual": "<=",
}  # fmt: skip
_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_NOT = {"==": "!=", "is": "is not", "in": "not in", "<": ">=", "<=": ">"}
_NOT |= {after: before for before, after in _NOT.items()}
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!=", "is": "is", "is not": "is not"}
_RAISES = re.compile(r"(?:.*\.)?(?:raises|warns|deprecated_call|assertRaises\w*|assertWarns\w*|assertLogs)")
_ALIASES = dict.fromkeys(("IOError", "EnvironmentError", "WindowsError", "error"), "OSError")
_CHECKS = re.compile(r"_*(?:assert|fail|check|verify|expect)", re.IGNORECASE)


def errors(node: ast.expr) -> Sequence[str]:
    """The last names of an exception or of a tuple of them; aliases by what they stand for."""
    elts = node.elts if isinstance(node, ast.Tuple) else [node]
    names = [dotted(each).rpartition(".")[2] or ast.unparse(each) for each in elts]
    return [_ALIASES.get(name, name) for name in names]


def asserted(statement: ast.stmt) -> Iterator[Claim]:
    match statement:
        case ast.Assert(test=test):
            yield from _of_test(test, statement.lineno)
        case ast.Raise(exc=ast.expr() as error):
            if dotted(error.func if isinstance(error, ast.Call) else error) == "AssertionError":
                yield Claim("fail", "fail", "", statement.lineno)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            calls = (item.context_expr for item in items if isinstance(item.context_expr, ast.Call))
            yield from (_raising(call) for call in calls if _RAISES.fullmatch(dotted(call.func)))
        case ast.Expr(value=ast.Await(value=ast.Call() as call)) | ast.Expr(value=ast.Call() as call):
            yield from _called(call)
        case ast.Assign(value=ast.Call() as call) if _RAISES.fullmatch(dotted(call.func)):
            yield _raising(call)


def _called(call: ast.Call) -> Iterator[Claim]:
    """`self.assertEqual(a, b)`, `mock.assert_called_once_with(…)`, `pytest.fail()` and their likes."""
    of, _, name = dotted(call.func).rpartition(".")
    line = call.lineno
    match call.args:
        case _ if _RAISES.fullmatch(name):
            yield _raising(call)
        case [left, right, *_] if name in _UNITTEST:
            yield _compared(_UNITTEST[name], left, right, line)
        case [left, right, *_] if name in ("assertAlmostEqual", "assertAlmostEquals"):
            yield attrs.evolve(_compared("==", left, right, line), tolerance=_tolerance(call))
        case [test, *_] if name in ("assertTrue", "assert_", "failUnless"):
            yield from _of_test(test, line)
        case [test, *_] if name in ("assertFalse", "failIf"):
            yield from _of_test(ast.UnaryOp(ast.Not(), test), line)
        case [test, *_] if name in ("assertIsNone", "assertIsNotNone"):
            yield _compared("is not" if "Not" in name else "is", test, ast.Constant(None), line)
        case [test, kind, *_] if name in ("assertIsInstance", "assertNotIsInstance"):
            yield Claim("false" if "Not" in name else "true", text_of(test), text_of(kind), line)
        case [text, regex, *_] if name in ("assertRegex", "assertRegexpMatches", "assertNotRegex"):
            search = f"re.search({text_of(regex)}, {text_of(text)})"
            yield Claim("false" if "Not" in name else "true", search, "", line, literals(regex))
        case _ if name == "fail":
            yield Claim("fail", "fail", "", line)
        case [left, right, *_] if "almost" in name or "allclose" in name:
            yield attrs.evolve(_compared("==", left, right, line), tolerance=_tolerance(call))
        case args if "assert_" in name and of:
            given = ", ".join(text_of(arg) for arg in (*args, *(keyword.value for keyword in call.keywords)))
            said = (literal for arg in args for literal in literals(arg))
            yield Claim(name.replace("await", "call"), of, given, line, frozenset(said))
        case _ if _CHECKS.match(name):
            yield Claim("call", text_of(call), "", line, literals(call))


def _of_test(test: ast.expr, line: int) -> Iterator[Claim]:
    match test:
        case ast.BoolOp(op=ast.And(), values=values):
            for value in values:
                yield from _of_test(value, line)
        case ast.BoolOp(op=ast.Or(), values=values) if any(_is_true(value) for value in values):
            yield Claim("nothing", text_of(test), "", line)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _of_opposite(operand, line)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            for each, op, right in zip([left, *comparators], ops, comparators, strict=False):
                yield _compared(_OPERATORS[type(op)], each, right, line)
        case ast.Call(func=ast.Name(id="isinstance"), args=[value, kind]):
            yield Claim("true", text_of(value), text_of(kind), line)
        case ast.Constant(value=value) if not value:
            yield Claim("fail", "fail", "", line)
        case _ if _is_true(test):
            yield Claim("nothing", text_of(test), "", line)
        case _:
            yield Claim("true", text_of(test), "", line, literals(test))


def _of_opposite(test: ast.expr, line: int) -> Iterator[Claim]:
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            yield from _of_test(inner, line)
        case ast.BoolOp(op=ast.Or(), values=values):
            for value in values:
                yield from _of_opposite(value, line)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            yield _compared(_NOT[_OPERATORS[type(op)]], left, right, line)
        case ast.Call(func=ast.Name(id="isinstance"), args=[value, kind]):
            yield Claim("false", text_of(value), text_of(kind), line)
        case _:
            yield Claim("false", text_of(test), "", line, literals(test))


def _compared(operator: str, left: ast.expr, right: ast.expr, line: int) -> Claim:
    """A comparison in one form: what is constant on the right, True and False as truth, types as kinds."""
    if operator in _TURNED and ((value_of(left) is not ... and value_of(right) is ...) or _approx(left)):
        return _compared(_TURNED[operator], right, left, line)
    if ast.dump(left) == ast.dump(right) and operator in ("==", "is", "<=", ">=", "in"):
        return Claim("nothing", f"{text_of(left)} {operator} {text_of(right)}", "", line)
    match left, right:
        case _, ast.Constant(value=bool(value)) if operator in ("==", "!=", "is", "is not"):
            truth = value is (operator in ("==", "is"))
            return Claim("true" if truth else "false", text_of(left), "", line, literals(left))
        case _, ast.Constant(value=None):
            operator = {"==": "is", "!=": "is not"}.get(operator, operator)
        case ast.Call(func=ast.Name(id="type"), args=[value]), _ if operator in ("==", "is"):
            return Claim("true", text_of(value), text_of(right), line)
        case ast.Call(func=ast.Name(id="len"), args=[value]), ast.Constant(value=0):
            if operator in (">", "!="):
                return Claim("true", text_of(value), "", line)
            return Claim(operator, text_of(value), "[]", line, frozenset({"0"}))
        case _, ast.Call(args=[inner, *_]) if _approx(right):
            return attrs.evolve(_compared(operator, left, inner, line), tolerance=_tolerance(right))
    return Claim(operator, text_of(left), text_of(right), line, literals(right), value_of(right))


def _raising(call: ast.Call) -> Claim:
    name = dotted(call.func).rpartition(".")[2]
    args = call.args or [keyword.value for keyword in call.keywords if keyword.arg == "expected_exception"]
    match = [keyword.value for keyword in call.keywords if keyword.arg == "match"]
    if "Regex" in name:
        match += call.args[1:2]
    said = frozenset(word for text in match for word in literals(text) if re.search(r"\w", word))
    expected = " | ".join(sorted(errors(args[0]))) if args else "Exception"
    return Claim("raises", name if name == "assertLogs" else "", expected, call.lineno, said)


def _tolerance(call: ast.Call) -> float:
    """How far off a value may be, relative or absolute; of both, the more."""
    names, first = (("rel", "abs"), 1) if _approx(call) else (("places",), 2)
    given = {keyword.arg: value_of(keyword.value) for keyword in call.keywords}
    given |= dict(zip(names, map(value_of, call.args[first:]), strict=False))
    places = given.get("places", given.get("decimal"))
    if isinstance(places, int):
        return float(10.0 ** -min(places, 300))
    return max([CLOSE, *(float(each) for each in given.values() if isinstance(each, int | float))])


def _approx(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "approx"


def _is_true(node: ast.expr) -> bool:
    """Whether an expression is true whatever happens."""
    match node:
        case ast.Constant(value=value):
            return bool(value)
        case ast.List(elts=elts) | ast.Tuple(elts=elts):
            return bool(elts)
    return isinstance(node, ast.JoinedStr | ast.Lambda)
