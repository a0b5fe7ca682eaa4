"""The notebooks run in a real kernel, from the top to the end, and leave nothing."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_without_outputs_and_its_links_lead_somewhere(path: Path) -> None:
    nbformat.validate(read(path))
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
        else:
            assert all((path.parent / target).exists() for target in LINK.findall(cell.source))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of the kernel and of all that it starts, which tells them."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def executed(path: Path, folder: Path) -> list[str]:
    """What the cells returned, one after the other, in a kernel of this Python."""
    notebook = read(path)
    NotebookClient(notebook, timeout=100, resources={"metadata": {"path": str(folder)}}).execute()
    told = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    outputs = [output for output in told if output.output_type == "execute_result"]
    return [output.data.get("text/markdown", output.data["text/plain"]) for output in outputs]


def leftovers(temporary: Path) -> list[str]:
    """Temporary files, workspaces of repositories in the temporary folder, and processes."""
    files = [path.name for path in temporary.iterdir()]
    trees = [str(file) for file in Path("/dev/shm").glob("stomper-*/*/.git") if belongs(file, temporary)]
    return [
        *files,
        *trees,
        *(str(process.pid) for process in psutil.process_iter() if runs(process, temporary)),
    ]


def belongs(file: Path, temporary: Path) -> bool:
    try:
        return str(temporary) in file.read_text()
    except OSError:  # another test's, gone while we look
        return False


def runs(process: psutil.Process, temporary: Path) -> bool:
    try:
        return process.environ().get("TMPDIR") == str(temporary)
    except psutil.Error:
        return False


def test_the_first_run(temporary: Path) -> None:
    returned = executed(ROOT / "notebooks" / "01_first_run.ipynb", temporary.parent)
    _, plan, drawn, shown, reduced, first, prompt, left, attempts, told, awaited = returned
    assert ast.literal_eval(plan) == {
        "pricing.py": ["F401 `os` imported but unused", "F401 `sys` imported but unused"],
        "report.py": ["F401 `json` imported but unused"],
    }
    assert drawn.startswith("<Pipeline default: checks ruff; agents builtin")
    assert "completed: 2 files fixed; 3 findings fixed, 0 left" in shown
    assert ast.literal_eval(reduced) == (["pricing.py", "report.py"], 3, {"F401": 3})
    assert ast.literal_eval(first) == ("pricing.py", "fixed", "1 passed (imports: tests/test_pricing.py)")
    assert prompt.startswith("# Task: fix what the checks report in one file")
    state = ast.literal_eval(left)
    assert state["commits"].count("fix(ruff): F401 in pricing.py") == 1
    assert (len(state["worktrees"]), state["uncommitted"]) == (1, "")
    assert ast.literal_eval(attempts) == [(1, "tests_failed"), (2, "fixed")]
    reason, subject = ast.literal_eval(told)
    assert "tests/test_pricing.py::test_it: assert 1 == 2" in reason
    assert subject == "fix(ruff): F401 in pricing.py"
    assert ast.literal_eval(awaited) == (0, ["report.py"], True)
    assert leftovers(temporary) == []
