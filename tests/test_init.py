"""The first pipeline: what is written, that it is valid, and that it runs as it is."""

from __future__ import annotations

import itertools
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from stomper_sdk import api
from stomper_sdk.cli import main
from stomper_sdk.starter import starter_text
from stomper_sdk.survey import Survey, TestsFound, Tool
from tests.conftest import Checkout

Make = Callable[..., Checkout]
PLACE = "pipelines/default.yaml"
#: Knows one rule, in JavaScript: `var` is `let`. It ends with 1 where an `eval` is left, as ESLint does.
ESLINT = f"""#!{sys.executable}
import json, pathlib, sys
options = [word for word in sys.argv[1:] if word.startswith("-")]
if "--version" in options:
    sys.exit(print("v9.0.0"))
named = [pathlib.Path(word) for word in sys.argv[1:] if word not in options and word != "."]
files = [file for file in named or pathlib.Path().glob("*.js") if file.suffix == ".js"]
if "--fix" in options:
    for file in files:
        file.write_text(file.read_text().replace("var ", "let "))
entries = []
for file in files:
    for number, line in enumerate(file.read_text().splitlines(), 1):
        for word in ("var", "eval"):
            if word in line:
                found = {{"ruleId": "no-" + word, "severity": 2, "message": word, "line": number}}
                entries.append({{"filePath": str(file.resolve()), "messages": [found]}})
print(json.dumps(entries))
sys.exit(1 if entries else 0)
"""


def tool(name: str, program: str | None) -> Tool:
    return Tool(name, f"{name}.cfg", program, f"install {name}")


TOOLS = {
    "Python": (tool("ruff", "ruff"),),
    "more": (tool("ruff", "ruff"), tool("mypy", None), tool("pylint", ".venv/bin/pylint")),
    "scripts": (tool("eslint", "node_modules/.bin/eslint"), tool("tsc", None)),
    "no fixer": (tool("tsc", "node_modules/.bin/tsc"),),
    "both": (tool("ruff", "ruff"), tool("eslint", "eslint"), tool("tsc", "node_modules/.bin/tsc")),
}
TESTS = (
    TestsFound(),
    TestsFound("pytest", ("auto",), ("not run: npm run test",)),
    TestsFound("script", ("env", "CI=true", "npm", "run", "test")),
)


@pytest.fixture(params=itertools.product(TOOLS, TESTS, ("", "x")), ids=str)
def survey(request: pytest.FixtureRequest) -> Survey:
    tools, tests, some = request.param
    foreign, links = (("**/vendor/**", "*_pb2.py"), ("node_modules",)) if some else ((), ())
    return Survey({"Python": 1}, TOOLS[tools], tests, foreign, links)


def test_whatever_was_seen_the_pipeline_is_valid_and_says_it(survey: Survey, at: Path) -> None:
    pipeline = api.validate(starter_text(survey), repo=at)
    assert [check.name for check in pipeline.checks] == [each.name for each in survey.tools if each.program]
    assert pipeline.files.exclude == survey.foreign
    assert pipeline.workspace.link == survey.links
    assert (pipeline.test_validation.mode == "none") == (survey.tests.kind == "none")


def test_what_is_commented_out_is_valid_too(survey: Survey, at: Path) -> None:
    lines = starter_text(survey).splitlines()
    asleep = [line for line in lines if line.startswith("  # ") and "{use: " in line]
    awake = "\n".join(line.replace("# ", "", 1) if line in asleep else line for line in lines)
    pipeline = api.validate(awake, repo=at)
    assert len(pipeline.checks) == len(survey.tools)
    assert "mine" in {agent.name for agent in pipeline.agents}


def test_it_fits_and_runs_as_it_is(make_checkout: Make, capsys: pytest.CaptureFixture[str]) -> None:
    user = make_checkout(
        {
            "src/app.py": "import os\n\n\ndef f():\n    return 1\n",
            "src/vendor/theirs.py": "import os\n",
            "tests/test_app.py": "from app import f\n\n\ndef test_f():\n    assert f() == 1\n",
        }
    )
    assert main(["init", "--repo", str(user.root / "src")]) == 0
    out, err = capsys.readouterr()
    assert (out, user.status) == ("", f"?? {PLACE}\n")
    assert "Python (2 files); checks: ruff; tests: pytest" in err
    assert f"stomper-sdk plan --repo {user.root / 'src'}" in err
    assert main(["run", "--repo", str(user.root), "-q"]) == 0
    assert user.read("src/app.py").strip() == "def f():\n    return 1"
    assert user.read("src/vendor/theirs.py") == "import os\n"
    assert user.subjects == ["start", "fix(ruff): F401 in src/app.py"]


def test_an_environment_of_the_repository_s_own_is_used(make_checkout: Make) -> None:
    """Its pytest, a script below the checkout, is no module that the tests import from there."""
    user = make_checkout(
        {
            ".gitignore": ".venv/\n",
            "app.py": "import os\n\nX = 1\n",
            "test_app.py": "from app import X\n\n\ndef test_x():\n    assert X == 1\n",
        }
    )
    home = user.root / ".venv"
    venv.create(home, symlinks=True)
    packages = sysconfig.get_path("purelib", vars={"base": str(home)})
    Path(packages, "ours.pth").write_text(sysconfig.get_path("purelib"))
    script = home / "bin" / "pytest"
    script.write_text(f"#!{home}/bin/python\nimport sys, pytest\nsys.exit(pytest.console_main())\n")
    script.chmod(0o755)
    assert main(["init", "--repo", str(user.root), "-q"]) == 0
    assert "command: .venv/bin/pytest" in user.read(PLACE)
    assert main(["run", "--repo", str(user.root), "-q"]) == 0
    assert user.subjects == ["start", "fix(ruff): F401 in app.py"]


def test_two_languages_each_have_an_agent_that_gets_its_turn(make_checkout: Make) -> None:
    """What is no file of theirs the agents leave alone, and hand on; the programs come through a link."""
    user = make_checkout(
        {
            ".gitignore": "node_modules/\n",
            "eslint.config.js": "export default [];\n",
            "a.py": "import os\n\nx = 1\n",
            "b.js": "var x = 1;\n",
            "c.js": "var x = eval('1');\n",
        }
    )
    program = user.root / "node_modules/.bin/eslint"
    program.parent.mkdir(parents=True)
    program.write_text(ESLINT)
    program.chmod(0o755)
    assert main(["init", "--repo", str(user.root), "-q"]) == 0
    assert main(["run", "--repo", str(user.root), "-q"]) == 1
    assert user.read("a.py").strip() == "x = 1"
    assert (user.read("b.js"), user.read("c.js")) == ("let x = 1;\n", "let x = eval('1');\n")
    assert sorted(user.subjects) == [
        "fix(eslint): no-var in b.js",
        "fix(eslint): no-var in c.js",
        "fix(ruff): F401 in a.py",
        "start",
    ]
    assert (user.status, user.leftovers()) == (f"?? {PLACE}\n", [])


def test_one_that_is_there_is_left_alone_unless_forced(
    make_checkout: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    user = make_checkout({PLACE: "mine\n", "a.py": ""})
    assert main(["init", "--repo", str(user.root)]) == 2
    assert "--force" in capsys.readouterr().err
    assert user.read(PLACE) == "mine\n"
    assert main(["init", "--repo", str(user.root), "--force"]) == 0
    assert "ruff-fix" in user.read(PLACE)
    assert user.status == f" M {PLACE}\n"


def test_it_can_be_shown_without_being_written(
    make_checkout: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    user = make_checkout({PLACE: "mine\n", "a.py": ""})
    assert main(["init", "--repo", str(user.root), "--print"]) == 0
    assert capsys.readouterr().out.startswith("# What `stomper-sdk run` does")
    assert user.read(PLACE) == "mine\n"


@pytest.mark.parametrize("link", ["pipelines", PLACE])
def test_nothing_is_written_through_a_link(make_checkout: Make, tmp_path: Path, link: str) -> None:
    user = make_checkout({"a.py": ""})
    outside = tmp_path / "outside"
    outside.mkdir()
    target = outside / "file" if link == PLACE else outside
    (user.root / link).parent.mkdir(exist_ok=True)
    (user.root / link).symlink_to(target)
    assert main(["init", "--repo", str(user.root), "--force"]) == (0 if link == PLACE else 3)
    assert list(outside.iterdir()) == []


def test_where_nothing_fits_it_says_so(make_checkout: Make, capsys: pytest.CaptureFixture[str]) -> None:
    user = make_checkout({"a.go": "package a\n"})
    assert main(["init", "--repo", str(user.root)]) == 3
    assert "no check fits" in capsys.readouterr().err
    user.commit({"a.ts": "", "eslint.config.js": ""})
    assert main(["init", "--repo", str(user.root)]) == 3
    assert "eslint (eslint.config.js): npm install" in capsys.readouterr().err
    assert user.status == ""
