"""What is found in other files: definitions of what flagged code uses, and calls of what it defines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from stomper_sdk.model.finding import Finding
from stomper_sdk.prompts import Neighbours, Related
from stomper_sdk.prompts.codebase import Codebase, commit_texts, folder_texts
from stomper_sdk.prompts.related import related

if TYPE_CHECKING:
    from tests.conftest import Checkout

SHOP = """\
import json

from shop.prices import Price, convert as exchange
from shop import vat
from .base import Till

LIMIT = exchange(1)


class Counter(Till):
    def pay(self, amount):
        unused = 1
        return exchange(amount) + vat.rate("uk")


def close():
    return Price(0)
"""
FILES = {
    "shop/__init__.py": "from shop.counter import Counter\n",
    "shop/counter.py": SHOP,
    "shop/prices.py": "class Price:\n    cents: int\n\n\ndef convert(amount):\n    return amount * 100\n",
    "shop/vat.py": "def rate(country):\n    return {'uk': 20}[country]\n\n\ndef other():\n    pass\n",
    "shop/base.py": "class Till:\n    def pay(self, amount):\n        raise NotImplementedError\n",
    "main.py": "from shop import Counter\n\n\n"
    "def main():\n    counter = Counter()\n    print(counter.pay(3))\n",
    "far.py": "class Door:\n    def pay(self):\n        return self.pay()\n",
    "broken.py": "from shop.counter import Counter\ndef pay(:\n",
    "notes.txt": "pay()",
}


def write(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def at(line: int, path: str = "shop/counter.py") -> Finding:
    return Finding("ruff", "F841", "unused", path, line, 1)


def codebase(root: Path) -> Codebase:
    return Codebase.of(folder_texts(root), root)


def found(root: Path, *lines: int, source: str = SHOP) -> Related:
    return related("shop/counter.py", source, [at(line) for line in lines], codebase(root))


def test_definitions_are_those_that_the_flagged_code_uses(tmp_path: Path) -> None:
    seen = found(write(tmp_path, FILES), 12).definitions
    told = {snippet.name: (f"{snippet.path}:{snippet.line}", snippet.text) for snippet in seen}
    assert told == {
        "Till.pay": ("shop/base.py:2", "    def pay(self, amount):\n        raise NotImplementedError"),
        "Till": ("shop/base.py:1", FILES["shop/base.py"].rstrip()),
        "convert": ("shop/prices.py:5", "def convert(amount):\n    return amount * 100"),
        "rate": ("shop/vat.py:1", "def rate(country):\n    return {'uk': 20}[country]"),
    }


def test_outside_of_definitions_it_is_the_statement(tmp_path: Path) -> None:
    assert [snippet.name for snippet in found(write(tmp_path, FILES), 7).definitions] == ["convert"]
    assert [snippet.name for snippet in found(tmp_path, 17).definitions] == ["Price"]


def test_a_form_feed_ends_no_line(tmp_path: Path) -> None:
    root = write(tmp_path, FILES)
    for name in ("shop/prices.py", "main.py"):
        (root / name).write_text("\x0c\n\x0c\n" + FILES[name])
    seen = found(root, 13)
    assert "def convert(amount):" in [each.text.splitlines()[0] for each in seen.definitions]
    assert all("counter.pay(3)" in each.text for each in seen.callers) and seen.callers


def test_callers_are_in_files_that_import_it_also_through_others(tmp_path: Path) -> None:
    (caller,) = found(write(tmp_path, FILES), 12).callers
    assert (caller.name, caller.path, caller.line) == ("Counter.pay", "main.py", 6)
    assert caller.text == "def main():\n    counter = Counter()\n    print(counter.pay(3))"


def test_calls_side_by_side_are_shown_once_and_tests_last(tmp_path: Path) -> None:
    head = "from shop import Counter\n\n\n"
    calls = (
        "def test_it():\n    counter = Counter()\n"
        + "    counter.pay(1)\n" * 3
        + "\n\n\n    counter.pay(2)\n"
    )
    write(tmp_path, {**FILES, "a/tests/test_a.py": head + calls})
    callers = [(seen.path, seen.line) for seen in found(tmp_path, 12).callers]
    assert callers == [("main.py", 6), ("a/tests/test_a.py", 6), ("a/tests/test_a.py", 12)]


def test_a_long_class_is_told_by_its_heads(tmp_path: Path) -> None:
    body = "".join(f"        x = {number}\n" for number in range(60))
    text = f'class Price:\n    """Money."""\n\n    cents: int\n\n    def add(self, other):\n{body}'
    write(tmp_path, {**FILES, "shop/prices.py": text})
    (snippet,) = found(tmp_path, 17).definitions
    assert snippet.text == (
        'class Price:\n    """Money."""\n    cents: int\n    def add(self, other):\n    ...'
    )


def test_packages_below_src_are_found(tmp_path: Path) -> None:
    write(tmp_path, {f"src/{name}": text for name, text in FILES.items() if name.startswith("shop/")})
    seen = related("src/shop/counter.py", SHOP, [at(12, "src/shop/counter.py")], codebase(tmp_path))
    places = {snippet.path for snippet in seen.definitions}
    assert places == {"src/shop/base.py", "src/shop/prices.py", "src/shop/vat.py"}


def test_imports_in_a_circle_and_broken_files_end(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "from b import x\n", "b.py": "from a import x\n", "c.py": "def f(:\n"})
    code = codebase(tmp_path)
    assert related("d.py", "from a import x\nx()\n", [at(2, "d.py")], code) == Related()
    assert related("c.py", "def f(:\n", [at(1, "c.py")], code) == Related()


def test_it_is_bounded(tmp_path: Path) -> None:
    many = {f"m{number:03}.py": f"def f{number:03}():\n    return '{'x' * 400}'\n" for number in range(60)}
    imports = "".join(f"from m{number:03} import f{number:03}\n" for number in range(60))
    calls = "def all_of_them():\n" + "".join(f"    f{number:03}()\n" for number in range(60))
    users = {f"u{n:03}.py": "from hub import all_of_them\n" + "all_of_them()\n" * 9 for n in range(30)}
    write(tmp_path, {**many, **users, "hub.py": imports + calls})
    seen = related("hub.py", imports + calls, [at(62, "hub.py")], codebase(tmp_path))
    assert len(seen.definitions) == 12 and len(seen.callers) == 8
    assert len({snippet.path for snippet in seen.callers}) == 4


def test_no_link_is_followed_and_nothing_foreign_read(tmp_path: Path) -> None:
    write(tmp_path, {"secret/a.py": "x = 1\n", "repo/.venv/b.py": "x = 1\n", "repo/c.py": "x = 1\n"})
    (tmp_path / "repo" / "a.py").symlink_to(tmp_path / "secret" / "a.py")
    (tmp_path / "repo" / "linked").symlink_to(tmp_path / "secret")
    texts = folder_texts(tmp_path / "repo")
    assert {path for path, text in texts.items() if text} == {"c.py"}


def test_a_commit_is_read_as_it_is_whatever_lies_in_the_checkout(
    make_checkout: Callable[[Mapping[str, str]], Checkout],
) -> None:
    odd = {"empty.py": "", "a b/ü.py": "x = 'é'\n"}
    foreign = {".hidden/a.py": "x", "lib/site-packages/b.py": "x", "huge.py": "x = 1\n" * 40_000}
    repo = make_checkout({**FILES, **odd, **foreign})
    (repo.root / "link.py").symlink_to("main.py")
    repo.commit()
    repo.write({"main.py": "changed", "new.py": "x"})
    texts = commit_texts(repo.root, repo.head)
    python = {name: text for name, text in FILES.items() if name.endswith(".py")}
    assert texts == {name: text.encode() for name, text in {**python, **odd}.items()}


@pytest.mark.trio
async def test_a_repository_is_read_once_for_all_files(tmp_path: Path) -> None:
    root, reads = write(tmp_path, FILES), []
    neighbours, seen = Neighbours(lambda: reads.append(root) or folder_texts(root)), []

    async def ask() -> None:
        seen.append(await neighbours.of("shop/counter.py", SHOP, [at(12)], root))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert len(reads) == 1 and len(seen) == 5 and seen[0].callers and seen == [seen[0]] * 5
    assert await Neighbours().of("shop/counter.js", SHOP, [at(12)], root) == Related()
    assert len(reads) == 1
