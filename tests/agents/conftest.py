"""A workspace with one file to fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stomper_sdk.agents.base import AgentTask
from stomper_sdk.model.finding import Finding
from stomper_sdk.testing import write_files

SOURCE = "import os\nimport sys\n\nprint(sys.argv)\n"


@pytest.fixture
def make_task(tmp_path: Path) -> Callable[..., AgentTask]:
    """Make a task; keywords replace its fields, `files` are written into its workspace."""

    def make(files: dict[str, str] | None = None, **fields: object) -> AgentTask:
        workspace = tmp_path / "workspace"
        write_files(workspace, {"a.py": SOURCE} if files is None else files)
        finding = Finding("ruff", "F401", "`os` imported but unused", "a.py", 1, 8)
        values = {"path": "a.py", "findings": (finding,), "prompt": "Fix a.py.\n", **fields}
        return AgentTask(workspace=workspace, **values)  # type: ignore[arg-type]

    return make
