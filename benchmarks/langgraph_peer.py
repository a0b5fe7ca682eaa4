"""The job on LangGraph: Send for the fan-out, max_concurrency, reducers, defer, asyncio locks.

python langgraph_peer.py fix JOBS TREES AGENT...    run in the repository
python langgraph_peer.py noop FILES                 prints seconds and peak memory as JSON
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import operator
import os
import resource
import sys
import time
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

_ATTEMPTS = 3


class RunState(TypedDict, total=False):
    paths: list[str]
    fixed: Annotated[list[str], operator.add]
    count: int


class FileState(TypedDict, total=False):
    path: str
    tree: str
    attempt: int
    clean: bool
    patch: bytes
    fixed: Annotated[list[str], operator.add]


class FileResult(TypedDict):
    fixed: Annotated[list[str], operator.add]


async def _run(*argv: str, cwd: Path, stdin: bytes | None = None, ok: tuple[int, ...] = (0,)) -> bytes:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe)
    out, err = await process.communicate(stdin)
    if process.returncode not in ok:
        raise RuntimeError(f"{argv} exited with {process.returncode}: {err.decode()}")
    return out


class Fixing:
    """The stages as nodes."""

    def __init__(self, trees: Path, agent: list[str]) -> None:
        self.repo, self.trees, self.agent = Path.cwd(), trees, agent
        self.ruff = os.environ["RUFF"]
        self.admin, self.main = asyncio.Lock(), asyncio.Lock()

    async def collect_errors(self, state: RunState) -> dict[str, Any]:
        look = (self.ruff, "check", "--no-cache", "--exit-zero", "--output-format", "json")
        found = json.loads(await _run(*look, cwd=self.repo))
        return {"paths": sorted({os.path.relpath(entry["filename"], self.repo) for entry in found})}

    def fan_out(self, state: RunState) -> list[Send]:
        return [Send("fix_file", {"path": path, "attempt": 0}) for path in state["paths"]]

    async def aggregate(self, state: RunState) -> dict[str, Any]:
        return {"count": len(state["fixed"])}

    async def create_worktree(self, state: FileState) -> dict[str, Any]:
        tree = self.trees / hashlib.sha256(state["path"].encode()).hexdigest()[:12]
        async with self.admin:
            await _run("git", "worktree", "add", "--quiet", "--detach", str(tree), "HEAD", cwd=self.repo)
        return {"tree": str(tree)}

    async def call_agent(self, state: FileState) -> dict[str, Any]:
        await _run(*self.agent, state["path"], cwd=Path(state["tree"]))
        return {"attempt": state["attempt"] + 1}

    async def verify_fixes(self, state: FileState) -> dict[str, Any]:
        look = (self.ruff, "check", "--no-cache", "--exit-zero", "--output-format", "json", state["path"])
        return {"clean": json.loads(await _run(*look, cwd=Path(state["tree"]))) == []}

    def again(self, state: FileState) -> str:
        if state["clean"]:
            return "extract_diff"
        return "call_agent" if state["attempt"] < _ATTEMPTS else "destroy_worktree"

    async def extract_diff(self, state: FileState) -> dict[str, Any]:
        return {"patch": await _run("git", "diff", "--binary", "HEAD", cwd=Path(state["tree"]))}

    async def commit_in_main(self, state: FileState) -> dict[str, Any]:
        message = f"fix: unused import in {state['path']}"
        async with self.main:
            await _run("git", "apply", "--index", cwd=self.repo, stdin=state["patch"])
            await _run("git", "commit", "--quiet", "--message", message, cwd=self.repo)
        return {"fixed": [state["path"]]}

    async def destroy_worktree(self, state: FileState) -> dict[str, Any]:
        async with self.admin:
            await _run("git", "worktree", "remove", "--force", state["tree"], cwd=self.repo)
        return {}


def _file_graph(stages: Fixing) -> Any:
    graph: Any = StateGraph(FileState, output_schema=FileResult)
    for node in ("create_worktree", "call_agent", "verify_fixes", "extract_diff", "commit_in_main"):
        graph.add_node(node, getattr(stages, node))
    graph.add_node("destroy_worktree", stages.destroy_worktree)
    graph.add_edge(START, "create_worktree")
    graph.add_edge("create_worktree", "call_agent")
    graph.add_edge("call_agent", "verify_fixes")
    graph.add_conditional_edges("verify_fixes", stages.again)
    graph.add_edge("extract_diff", "commit_in_main")
    graph.add_edge("commit_in_main", "destroy_worktree")
    graph.add_edge("destroy_worktree", END)
    return graph.compile()


async def _fix(jobs: int, trees: Path, agent: list[str]) -> int:
    stages = Fixing(trees, agent)
    graph: Any = StateGraph(RunState)
    graph.add_node("collect_errors", stages.collect_errors)
    graph.add_node("fix_file", _file_graph(stages))
    graph.add_node("aggregate", stages.aggregate, defer=True)
    graph.add_edge(START, "collect_errors")
    graph.add_conditional_edges("collect_errors", stages.fan_out, ["fix_file"])
    graph.add_edge("fix_file", "aggregate")
    graph.add_edge("aggregate", END)
    done = await graph.compile().ainvoke({"paths": [], "fixed": []}, {"max_concurrency": jobs})
    return 0 if done["count"] == len(done["paths"]) else 1


async def _noop(files: int) -> float:
    async def fix_file(state: FileState) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"fixed": [state["path"]]}

    async def start(state: RunState) -> dict[str, Any]:
        return {}

    def fan_out(state: RunState) -> list[Send]:
        return [Send("fix_file", {"path": path}) for path in state["paths"]]

    graph: Any = StateGraph(RunState)
    graph.add_node("start", start)
    graph.add_node("fix_file", fix_file)
    graph.add_edge(START, "start")
    graph.add_conditional_edges("start", fan_out, ["fix_file"])
    graph.add_edge("fix_file", END)
    compiled = graph.compile()
    paths = [f"package/module_{number:05}.py" for number in range(files)]
    started = time.perf_counter()
    done = await compiled.ainvoke({"paths": paths, "fixed": []}, {"max_concurrency": 4})
    assert len(done["fixed"]) == files
    return time.perf_counter() - started


def main() -> int:
    if sys.argv[1] == "noop":
        seconds = asyncio.run(_noop(int(sys.argv[2])))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "peak_mb": peak}))
        return 0
    return asyncio.run(_fix(int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]))


if __name__ == "__main__":
    sys.exit(main())
