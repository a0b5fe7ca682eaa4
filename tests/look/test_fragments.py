"""What pages are made of: nothing in a text can pass for an element, or for a line that is not there."""

from __future__ import annotations

from stomper_sdk.look.fragments import diff, line, table, text

PATCH = """diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1,2 +1,2 @@
 \tkept
--- x
+<b>\u2028+one line\r
"""


def test_a_patch_has_its_own_lines_marked_and_no_others() -> None:
    assert diff(PATCH) == (
        "<pre>diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n<i>@@ -1,2 +1,2 @@</i>\n \tkept\n"
        "<del>--- x</del>\n<ins>+&lt;b&gt;\\u2028+one line\\r</ins>\n</pre>"
    )


def test_what_is_cut_is_told() -> None:
    assert text("a" * 1200, 100) == f"<pre>{'a' * 100}\n[1,100 more characters]</pre>"
    assert text("a" * 100, 100) == f"<pre>{'a' * 100}</pre>"
    assert text("<" * 100, 100) == f"<pre>{'&lt;' * 25}\n[75 more characters]</pre>"


def test_a_line_is_fit_for_an_attribute() -> None:
    assert line("a\n\"b'\u202e<") == "a &quot;b&#x27;\\u202e&lt;"


def test_a_cell_says_nothing_where_nothing_is_known() -> None:
    shown = table(("a", "b", "<c>"), [(1234, None, "</td>")])
    assert '<th class="n">a</th><th>b</th><th>&lt;c&gt;</th>' in shown
    assert '<td class="n">1,234</td><td></td><td>&lt;/td&gt;</td>' in shown
