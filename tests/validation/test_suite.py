from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

from stomper_sdk.errors import TestsError
from stomper_sdk.model.pipeline import TestValidationSpec
from stomper_sdk.validation import NoTests, TestSuite, TestVerdict

Make = Callable[[Mapping[str, str]], Any]

GOOD = {
    "a.py": "def one():\n    return 1\n",
    "b.py": "def two():\n    return 2\n",
    "test_a.py": "import a\ndef test_one():\n    assert a.one() == 1\ndef test_type():\n    assert a.one()\n",
    "test_b.py": "import b\n\ndef test_two():\n    assert b.two() == 2\n",
}
BROKEN_A = {"a.py": "def one():\n    return 3\n"}
FAILS = "def test_old():\n    assert False, 'old trouble'\n"

pytestmark = pytest.mark.usefixtures("environment")


async def suite_of(project: Any, **options: Any) -> TestSuite:
    suite = await TestSuite.find(TestValidationSpec(**{"flaky_reruns": 0, **options}), project.root)
    assert not isinstance(suite, NoTests)
    return suite


async def verdict_of(
    project: Any, changes: Mapping[str, str], *, mode: str = "quick", **options: Any
) -> TestVerdict:
    suite = await suite_of(project, **options)
    return await suite.validate(project.workspace(changes), list(changes), mode=mode, base=project)


@pytest.mark.trio
async def test_a_good_fix_passes_by_the_tests_that_it_reaches(project: Make) -> None:
    made = project(GOOD)
    verdict = await verdict_of(made, {"a.py": "def one() -> int:\n    return 1\n"})
    assert (verdict.state, verdict.summary) == ("passed", "2 passed (imports: test_a.py)")
    assert made.lent == 0


@pytest.mark.trio
async def test_full_mode_runs_everything(project: Make) -> None:
    verdict = await verdict_of(project(GOOD), {"a.py": GOOD["a.py"] + "\n"}, mode="full")
    assert (verdict.state, verdict.summary) == ("passed", "3 passed (all: the mode is full)")


@pytest.mark.trio
async def test_mode_none_runs_nothing(project: Make) -> None:
    assert (await verdict_of(project(GOOD), BROKEN_A, mode="none")).state == "none"


@pytest.mark.trio
async def test_a_fix_that_breaks_a_test_fails_with_that_test_alone(project: Make) -> None:
    verdict = await verdict_of(project(GOOD), BROKEN_A)
    assert verdict.state == "failed"
    (failure,) = verdict.failures
    assert failure.nodeid == "test_a.py::test_one"
    assert "assert 3 == 1" in failure.message
    assert verdict.summary.startswith("1 failed (test_a.py::test_one: assert 3 == 1), 1 passed")


@pytest.mark.trio
async def test_a_fix_that_cannot_be_imported_fails(project: Make) -> None:
    verdict = await verdict_of(project(GOOD), {"a.py": "import gone\n"}, mode="full")
    assert verdict.state == "failed"
    assert [failure.nodeid for failure in verdict.failures] == ["test_a.py"]
    assert "No module named 'gone'" in verdict.failures[0].message


@pytest.mark.trio
async def test_a_fix_that_keeps_the_suite_from_starting_fails(project: Make) -> None:
    made = project({**GOOD, "conftest.py": "import a\na.one()\n"})
    verdict = await verdict_of(made, {"a.py": "def one():\n    raise RuntimeError('late')\n"})
    assert verdict.state == "failed"
    assert "late" in verdict.failures[0].message


@pytest.mark.trio
async def test_what_failed_before_does_not_count(project: Make) -> None:
    made = project({**GOOD, "test_a.py": GOOD["test_a.py"] + FAILS, "test_c.py": "import a, gone\n"})
    verdict = await verdict_of(made, {"a.py": GOOD["a.py"] + "\n"})
    assert verdict.state == "passed"
    assert verdict.summary.startswith("2 passed, 2 failed before the fix, too")
    broken = await verdict_of(made, BROKEN_A)
    assert [failure.nodeid for failure in broken.failures] == ["test_a.py::test_one"]


@pytest.mark.trio
async def test_a_test_that_comes_with_the_fix_and_fails_counts(project: Make) -> None:
    changes = {**BROKEN_A, "test_new.py": "import a\n\ndef test_new():\n    assert a.one() == 1\n"}
    verdict = await verdict_of(project(GOOD), changes)
    assert {failure.nodeid for failure in verdict.failures} == {
        "test_a.py::test_one",
        "test_new.py::test_new",
    }


@pytest.mark.trio
async def test_the_tests_before_the_fix_run_once_for_all_callers(project: Make) -> None:
    made = project({**GOOD, "test_a.py": GOOD["test_a.py"] + FAILS})
    suite = await suite_of(made)
    verdicts: list[TestVerdict] = []

    async def validate(number: int) -> None:
        workspace = made.workspace({"a.py": GOOD["a.py"] + f"# {number}\n"})
        verdicts.append(await suite.validate(workspace, ["a.py"], mode="quick", base=made))

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(validate, number)
    assert [verdict.state for verdict in verdicts] == ["passed"] * 3
    assert made.lent == 1


FLAKY = """
import a, pathlib
def test_flaky():
    mark = pathlib.Path({mark!r})
    first = not mark.exists()
    mark.touch()
    assert not first
"""


@pytest.mark.trio
@pytest.mark.parametrize(("reruns", "state"), [(1, "passed"), (0, "failed")])
async def test_a_flaky_test_is_run_again_where_that_is_allowed(
    project: Make, tmp_path: Path, reruns: int, state: str
) -> None:
    made = project({**GOOD, "test_flaky.py": FLAKY.format(mark=str(tmp_path / "mark"))})
    verdict = await verdict_of(made, {"a.py": GOOD["a.py"] + "\n"}, flaky_reruns=reruns)
    assert verdict.state == state
    assert ("1 flaky (test_flaky.py::test_flaky)" in verdict.summary) == (state == "passed")


@pytest.mark.trio
@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"conftest.py": "import not_compiled_yet\n"}, "No module named 'not_compiled_yet'"),
        ({"pytest.ini": "[pytest]\naddopts = --no-such-option\n"}, "--no-such-option"),
        ({"a.py": "import not_compiled_yet\n"}, "No module named 'not_compiled_yet'"),
    ],
)
async def test_a_suite_that_cannot_run_is_blind(project: Make, extra: dict[str, str], says: str) -> None:
    made = project({**GOOD, **extra})
    verdict = await verdict_of(made, {"a.py": extra.get("a.py", GOOD["a.py"]) + "# fixed\n"})
    assert verdict.state == "blind"
    assert says in verdict.summary
    assert "workspace.setup" in verdict.summary


@pytest.mark.trio
@pytest.mark.parametrize(
    ("tests", "reason"),
    [
        ("import a\n", "no test ran"),
        ("import a, pytest\n@pytest.mark.skip\ndef test_x(): ...\n", "all 1 were skipped"),
        ("import a, pytest\npytest.skip('elsewhere', allow_module_level=True)\n", "no test"),
        ("def test_x(): ...\n", "no test imports it"),
    ],
)
async def test_tests_that_do_not_run_pass_nothing(project: Make, tests: str, reason: str) -> None:
    verdict = await verdict_of(project({"a.py": "", "test_a.py": tests}), {"a.py": "\n"})
    assert verdict.state == "unreached"
    assert reason in verdict.summary


@pytest.mark.trio
async def test_a_time_limit_fails_a_fix_that_hangs(project: Make) -> None:
    changes = {"a.py": "import time\n\ndef one():\n    time.sleep(60)\n"}
    verdict = await verdict_of(project(GOOD), changes, timeout=3)
    assert verdict.state == "failed"
    assert "time limit of 3 s" in verdict.summary


@pytest.mark.trio
async def test_a_suite_that_always_hangs_is_blind(project: Make) -> None:
    made = project({"a.py": "import time\ntime.sleep(60)\n", "test_a.py": "import a\n"})
    verdict = await verdict_of(made, {"a.py": "import time\ntime.sleep(61)\n"}, timeout=1)
    assert verdict.state == "blind"
    assert "time limit" in verdict.summary


@pytest.mark.trio
@pytest.mark.parametrize(
    ("changes", "state"), [({"a.py": "value = 1  # fixed\n"}, "passed"), ({"a.py": "value = 2\n"}, "failed")]
)
async def test_an_opaque_command_is_judged_by_its_exit_code(
    project: Make, changes: dict[str, str], state: str
) -> None:
    made = project({"a.py": "value = 1\n", "check.py": "import a\nassert a.value == 1, 'wrong'\n"})
    verdict = await verdict_of(made, changes, command="python check.py")
    assert verdict.state == state
    assert state == "passed" or "AssertionError: wrong" in verdict.failures[0].message


@pytest.mark.trio
async def test_an_opaque_command_that_fails_before_the_fix_is_blind(project: Make) -> None:
    made = project({"a.py": "", "check.py": "raise SystemExit('no database')\n"})
    verdict = await verdict_of(made, {"a.py": "\n"}, command="python check.py")
    assert verdict.state == "blind"
    assert "no database" in verdict.summary


@pytest.mark.trio
@pytest.mark.parametrize(
    ("command", "summary"),
    [
        ("pytest -x test_b.py", "no tests ran: the test command runs none"),
        ("python -m pytest -q .", "2 passed (imports: test_a.py)"),
        ("pytest -k type", "1 passed (imports: test_a.py)"),
        ("pytest test_b.py::test_two", "1 passed (all: the test command"),
    ],
)
async def test_a_given_pytest_command_keeps_its_places_and_options(
    project: Make, command: str, summary: str
) -> None:
    verdict = await verdict_of(project(GOOD), {"a.py": GOOD["a.py"] + "\n"}, command=command)
    assert verdict.summary.startswith(summary)


@pytest.mark.trio
async def test_the_users_own_options_stay_but_do_not_hide_failures(project: Make) -> None:
    first = "import a\n" + FAILS + GOOD["test_a.py"]
    made = project(
        {**GOOD, "test_a.py": first, "pytest.ini": "[pytest]\naddopts = -x --strict-config --ff\n"}
    )
    verdict = await verdict_of(made, BROKEN_A)
    assert [failure.nodeid for failure in verdict.failures] == ["test_a.py::test_one"]


@pytest.mark.trio
async def test_a_configuration_above_the_workspace_is_not_read(project: Make, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    assert (await verdict_of(project(GOOD), {"a.py": GOOD["a.py"] + "\n"})).state == "passed"


@pytest.mark.trio
async def test_names_of_tests_do_not_depend_on_where_pytest_finds_its_configuration(project: Make) -> None:
    made = project(
        {"a.py": GOOD["a.py"], "tests/test_a.py": GOOD["test_a.py"], "tests/pytest.ini": "[pytest]"}
    )
    verdict = await verdict_of(made, BROKEN_A, flaky_reruns=1)
    assert [failure.nodeid for failure in verdict.failures] == ["tests/test_a.py::test_one"]


@pytest.mark.trio
async def test_a_workspace_may_lie_inside_the_checkout(project: Make) -> None:
    made = project(GOOD)
    (made.root / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    workspace = made.workspace(BROKEN_A).rename(made.root / "workspaces")
    verdict = await (await suite_of(made)).validate(workspace, ["a.py"], mode="quick", base=made)
    assert [failure.nodeid for failure in verdict.failures] == ["test_a.py::test_one"]


@pytest.mark.trio
async def test_tests_leave_nothing_of_ours_in_the_workspace(project: Make) -> None:
    made = project(GOOD)
    workspace = made.workspace({})
    await (await suite_of(made)).validate(workspace, ["a.py"], mode="full", base=made)
    assert {path.name for path in workspace.iterdir()} == {*GOOD, ".git"}


@pytest.mark.trio
async def test_hundreds_of_test_files_fit_on_a_command_line(project: Make) -> None:
    folder = "tests/" + "/".join(["long" * 10] * 4)
    files = {f"{folder}/test_{n}.py": "import a\ndef test(): ...\n" for n in range(400)}
    verdict = await verdict_of(project({"a.py": "", **files}), {"a.py": "\n"})
    assert verdict.summary.startswith("400 passed (imports: ")


@pytest.mark.trio
async def test_a_missing_command_is_an_error_that_names_it(project: Make) -> None:
    made = project(GOOD)
    for command in ("no-such-program --all", "./no-such-script"):
        with pytest.raises(TestsError, match=r"no-such-.* is missing"):
            await TestSuite.find(TestValidationSpec(command=command), made.root)


@pytest.mark.trio
async def test_no_tests_and_no_pytest_have_a_reason(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project(GOOD)
    (tmp_path / "empty").mkdir()
    none = await TestSuite.find(TestValidationSpec(), tmp_path / "empty")
    assert none == NoTests("the repository has no test files by pytest's patterns")
    monkeypatch.setattr("stomper_sdk.validation.suite.find_program", lambda name: None)
    absent = await TestSuite.find(TestValidationSpec(), made.root)
    assert absent == NoTests("pytest is not installed where stomper-sdk runs")


@pytest.mark.trio
async def test_an_opaque_command_is_run_again_too(project: Make, tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    body = FLAKY.format(mark=mark).strip()
    flaky = f"{body}\ntest_flaky()\n"
    made = project({"a.py": "", "check.py": flaky})
    verdict = await verdict_of(made, {"a.py": "\n"}, command="python check.py", flaky_reruns=1)
    assert verdict.state == "passed"
    assert "1 flaky (the command)" in verdict.summary


NEEDS = "import a, os\ndef test_one():\n    assert a.one()\ndef test_key():\n    os.environ['SHOP_API_KEY']\n"
HINT = "SHOP_API_KEY is kept from tests, for being secret: test_validation.env: [SHOP_API_KEY] passes it on"


@pytest.mark.trio
@pytest.mark.parametrize(
    ("options", "state"),
    [({}, "passed"), ({"command": "python -c 'import test_a; test_a.test_key()'"}, "blind")],
)
async def test_tests_that_want_a_secret_say_how_to_pass_it_on(
    options: dict[str, str], state: str, project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project({"a.py": GOOD["a.py"], "test_a.py": NEEDS})
    fix = {"a.py": GOOD["a.py"] + "\n"}
    there = await verdict_of(made, fix, **options)
    assert "SHOP_API_KEY is kept" not in there.summary
    monkeypatch.setenv("SHOP_API_KEY", "hunter2hunter2")
    verdict = await verdict_of(made, fix, **options)
    assert (verdict.state, HINT in verdict.summary) == (state, True), verdict.summary
    assert "hunter2" not in str(verdict)
    given = await verdict_of(made, fix, env=("SHOP_API_KEY",), **options)
    assert (given.state, "is kept" in given.summary) == ("passed", False)
