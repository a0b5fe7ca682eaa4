"""The notebooks run in a real kernel, from the top to the end, show what they say, and leave nothing."""

from __future__ import annotations

import ast
import base64
import re
import struct
from pathlib import Path
from typing import Any

import attrs
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


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_how_to_work_in_a_notebook_names_it(path: Path) -> None:
    assert f"notebooks/{path.name}" in (ROOT / "docs" / "how-to" / "notebook.md").read_text()


@attrs.frozen
class Shown:
    """What the cells of a notebook that was run show, by their ids."""

    outputs: dict[str, list[Any]]

    def kinds(self, cell: str) -> list[str]:
        return [output.output_type for output in self.outputs[cell]]

    def text(self, cell: str) -> str:
        """What it prints and returns, as text."""
        return "".join(
            output.text if output.output_type == "stream" else output.data["text/plain"]
            for output in self.outputs[cell]
            if output.output_type in ("stream", "execute_result")
        )

    def value(self, cell: str) -> Any:
        return ast.literal_eval(self.text(cell))

    def html(self, cell: str) -> str:
        return "".join(output.get("data", {}).get("text/html", "") for output in self.outputs[cell])

    def picture(self, cell: str) -> tuple[int, int]:
        """The width and height of its PNG."""
        (output,) = self.outputs[cell]
        png = base64.b64decode(output.data["image/png"])
        assert png.startswith(b"\x89PNG")
        return struct.unpack(">II", png[16:24])


@pytest.fixture
def run_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a notebook in a kernel of this Python, in an empty folder, and sees that nothing is left of it."""
    temporary, here = tmp_path / "tmp", tmp_path / "here"
    temporary.mkdir()
    here.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TMPDIR", str(temporary))

    def run(name: str) -> Shown:
        notebook = read(ROOT / "notebooks" / f"{name}.ipynb")
        NotebookClient(notebook, timeout=110, resources={"metadata": {"path": str(here)}}).execute()
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [*leftovers(temporary), *here.iterdir()] == []
        told = str([cell.outputs for cell in cells])
        assert not [place for place in (str(tmp_path), str(ROOT), str(Path.home())) if place in told]
        return Shown({cell.id: cell.outputs for cell in cells})

    return run


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


def test_the_first_run(run_through: Any) -> None:
    shown = run_through("01_first_run")
    assert "2 files to fix, 3 findings" in shown.html("plan")
    assert shown.kinds("run") == ["display_data", "execute_result"]
    assert "2 of 2 files  3 fixed, 0 left" in shown.html("run")
    assert "completed: 2 files fixed; 3 findings fixed, 0 left" in shown.text("run")
    assert shown.value("reduced") == (["pricing.py", "report.py"], 3, {"F401": 3})
    assert "# Task: fix what the checks report in one file" in shown.html("story")
    assert "committed as" in shown.text("story")
    assert shown.text("history").count("fix(ruff): F401 in ") == 2
    assert shown.value("left") == (1, "")
    assert "attempt · up to 5 times" in shown.outputs["drawn"][0].data["image/svg+xml"]
    first, second = shown.text("agent").splitlines()[0], shown.text("agent").splitlines()[-1]
    assert first.startswith("1  tests_failed")
    assert "tests/test_pricing.py::test_it: assert 1 == 2" in shown.text("agent")
    assert second.strip() == "2  fixed"
    assert shown.value("awaited") == (0, ["report.py"], True)


def test_your_own_agent_stage_and_reducer(run_through: Any) -> None:
    shown = run_through("03_your_own_agent_stage_and_reducer")
    assert "3 files to fix, 4 findings" in shown.html("setup")
    assert "unknown reducer 'larges' (did you mean 'largest'?)" in shown.text("refused")
    assert "3 files fixed; 4 findings fixed, 0 left" in shown.text("run")
    assert shown.value("reduced") == 2
    first, second = shown.text("story").split("attempt 2, mine")
    assert "it changes 7 lines where 3 would do" in first.partition("refused:")[2]
    assert "it changes 7 lines where 3 would do" in second.partition("said:")[0]
    assert shown.text("history").count("1 file changed") == 3
    assert "5 passed" in shown.text("contract")


def test_read_a_past_run(run_through: Any) -> None:
    shown = run_through("05_read_a_past_run")
    assert shown.kinds("run") == ["display_data"]
    done = re.search(r"6 of 6 files  (\d+) fixed, (\d+) left  [\d,]+ tokens  \$0\.\d+", shown.html("run"))
    assert done
    assert f"{done[1]} findings fixed, {done[2]} left" in shown.text("load")
    assert "partial" in shown.text("load")
    header, _, *rows = shown.text("codes").splitlines()
    assert header.split() == ["status", "fixed", "remaining"]
    assert ["E402", "0", "2"] in [row.split() for row in rows]
    refused = [row.split()[1:5] for row in shown.text("refused").splitlines()[1:]]
    assert ["lib/textwrap.py", "2", "model", "new_findings"] in refused
    assert ["lib/string.py", "4", "model", "guard"] in refused
    for cell, width in (("timeline", 1100), ("outcomes", 660), ("per-code", 770)):
        assert shown.picture(cell)[0] == width
        assert 150 < shown.picture(cell)[1] < 1500
    assert re.search(
        r"^\+ +level = len\(chunks", shown.text("story").partition("committed as")[2], re.MULTILINE
    )
    assert "<ins>" in shown.html("diff")
    checked = shown.value("verify")
    assert checked["confirmed"] > int(done[1])
    assert (checked["refuted"], checked["unknown"]) == (0, 0)
    assert 20 < int(shown.text("report").removesuffix(" kB\n")) < 500


def test_compare_strategies(run_through: Any) -> None:
    shown = run_through("02_compare_strategies")
    minimal, normal, detailed = (f"strategy=fixed:{level}" for level in ("minimal", "normal", "detailed"))
    assert shown.kinds("experiment") == ["display_data", "execute_result"]
    assert re.search(r">completed  (\d+) of \1 runs  [\d,]+ tokens  \$0\.\d+", shown.html("experiment"))
    assert "completed: levels: 3 variants on 50 findings in " in shown.text("experiment")
    assert "No difference seen between" in shown.html("experiment")
    for cell in ("plot", "differences", "front", "codes"):
        assert min(shown.picture(cell)) > 150
        assert max(shown.picture(cell)) < 2500
    assert re.match(
        rf"<Comparison {minimal} fixes [\d.]+ points fewer than {normal}: ", shown.text("compare")
    )
    assert f"<Comparison No difference seen between {detailed} and {normal}: " in shown.text("undecided")
    assert "The smallest difference that this size sees in 80 of 100 samples is " in shown.html("undecided")
    assert re.search(r"see a difference of 10 points in 80 of 100 experiments", shown.html("size"))
    assert shown.text("cost").startswith(f"<Comparison {detailed} takes +0.")
    assert "lib/textwrap.py" in shown.text("story")
    assert "attempt 1, builtin (normal)" in shown.text("story")
    _, *rows = (line.split() for line in shown.text("again").splitlines())
    assert [row[1:3] for row in rows] == [[name, "50"] for name in (minimal, normal, detailed)]
    fixed = {row[1]: float(row[3]) for row in rows}
    assert fixed[minimal] < fixed[normal] <= fixed[detailed]


def test_parallel_speed_up(run_through: Any) -> None:
    shown = run_through("04_parallel_speed_up")
    assert shown.kinds("experiment") == ["display_data", "execute_result"]
    assert "completed: speed-up: 5 variants on 16 findings in 16 files" in shown.text("experiment")
    _, *rows = (line.split() for line in shown.text("table").splitlines())
    limits = ("1", "2", "4", "8", "16")
    assert [row[1:4] for row in rows] == [[f"max_parallel_files={limit}", limit, "16"] for limit in limits]
    assert float(rows[0][4]) > 2 * float(rows[-1][4]), "16 files wait together"
    assert min(shown.picture("plot")) > 400
    assert shown.picture("timeline")[1] > 500
    assert re.fullmatch(r"\d+\.\d\d for 16 files\n", shown.text("serial"))
