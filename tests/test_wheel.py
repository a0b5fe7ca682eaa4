"""What is installed from a wheel works without the checkout it was built from."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import stomper_sdk

ROOT = Path(stomper_sdk.__file__).parent.parent


def test_a_wheel_holds_all_that_a_run_needs(tmp_path: Path, make_checkout: Callable[..., Any]) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        names = archive.namelist()
        assert "stomper_sdk/py.typed" in names
        advices = {
            str(file.relative_to(ROOT)) for file in (ROOT / "stomper_sdk").glob("prompts/advice/*/*.md")
        }
        assert advices and advices <= set(names)
        assert {f"stomper_sdk/look/assets/page.{kind}" for kind in ("css", "js")} <= set(names)
    user = make_checkout({"a.py": "import os\n"})
    schemas = [["schema", document] for document in ("result", "experiment", "experiment-result")]
    for command in (*schemas, ["validate", "default", "pipelines/strict.yaml", "direct"], ["run"]):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from stomper_sdk.cli import main; sys.exit(main())",
                *command,
            ],
            cwd=user.root,
            env={**os.environ, "PYTHONPATH": str(tmp_path / "site"), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (user.read("a.py"), user.leftovers()) == ("", [])
