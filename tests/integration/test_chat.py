"""Pipelines whose agent is a model: from findings to commits, and everything that can be wrong with them."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from stomper_sdk.cli import main
from tests.model_server import ModelServer, Reply, Request

KEY = "sk-secret-0123456789"
PIPELINE = """\
version: 1
checks: {{ruff: {{use: ruff}}}}
agents:
  model:
    use: chat
    base_url: {url}
    model: some-model
    api_key: ${{MY_MODEL_KEY}}
    {options}
parallelism: {{max_parallel_files: 4}}
retry: {{max_attempts: 2}}
prompt: {{strategy: escalate}}
test_validation: {{mode: none}}
{sections}
stages:
  - initialize
  - collect_errors
  - for_each_file:
      - create_worktree
      - attempt: [generate_prompt, {{call_agent: {{use: [model]}}}}, verify_fixes, run_tests]
      - extract_diff
      - apply_to_main
      - commit_in_main
      - destroy_worktree
  - aggregate_results
  - cleanup
"""
FORMATS: Mapping[str, Callable[[str, str], str]] = {
    "search-replace": lambda path, text: (
        f"I removed it.\n\n{path}\n```python\n<<<<<<< SEARCH\nimport os\n=======\n>>>>>>> REPLACE\n```\n"
    ),
    "whole-file": lambda path, text: f"{path}\n```python\n{text}```\n",
    "unified-diff": lambda path, text: (
        f"```diff\n--- a/{path}\n+++ b/{path}\n@@ @@\n-import os\n import re\n```"
    ),
}


def fixes(request: Request, edit_format: str = "search-replace") -> Reply:
    """The answer of a model that takes out the import of `os`."""
    path, text = asked(request)
    return Reply(FORMATS[edit_format](path, text.replace("import os\n", "")), tokens_in=500, tokens_out=40)


def asked(request: Request) -> tuple[str, str]:
    """The file that a question is about, and its text."""
    match = re.search(r"^## The file `(\S+)`\n\n```\n(.*?)\n```$", request.said, re.MULTILINE | re.DOTALL)
    assert match is not None
    return match[1], match[2] + "\n"


@pytest.fixture
def checkout(make_checkout: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MY_MODEL_KEY", KEY)
    made = make_checkout({f"src/mod_{n}.py": f"import os\nimport re\n\nprint(re, {n})\n" for n in range(3)})
    monkeypatch.chdir(made.root)
    return made


def run(
    checkout: Any, url: str, capsys: Any, *, sections: str = "", **options: object
) -> tuple[int, Any, str]:
    """The exit code, the document and what was said to people; the key is in neither."""
    lines = "\n    ".join(f"{name}: {value}" for name, value in options.items())
    file = checkout.root.parent / "pipeline.yaml"
    file.write_text(PIPELINE.format(url=url, options=lines, sections=sections))
    code = main(["run", str(file), "--output", "json", "--no-progress"])
    said = capsys.readouterr()
    kept = [path.read_bytes() for path in (checkout.root / ".stomper").rglob("*") if path.is_file()]
    assert KEY not in said.out + said.err
    assert not any(KEY.encode() in content for content in kept)
    return code, json.loads(said.out) if said.out else None, said.err


@pytest.mark.parametrize("edit_format", FORMATS)
def test_every_file_is_fixed(edit_format: str, checkout: Any, capsys: Any) -> None:
    with ModelServer(lambda request: fixes(request, edit_format)) as server:
        code, document, said = run(checkout, f"{server.url}/v1", capsys, edit_format=edit_format)
    assert (code, said and document["status"]) == (0, "completed")
    assert [file["outcome"] for file in document["files"]] == ["fixed"] * 3
    (attempt,) = document["files"][0]["attempts"]
    told = {name: attempt[name] for name in ("agent", "model", "tokens_in", "tokens_out", "turns")}
    assert told == {"agent": "model", "model": "some-model", "tokens_in": 500, "tokens_out": 40, "turns": 1}
    assert checkout.shown("HEAD", "src/mod_1.py") == "import re\n\nprint(re, 1)\n"
    assert checkout.leftovers() == []


def test_twenty_files_with_faults_are_all_fixed_at_the_first_attempt(checkout: Any, capsys: Any) -> None:
    checkout.commit({f"src/mod_{n}.py": f"import os\nimport re\n\nprint(re, {n})\n" for n in range(20)})
    faults = {
        2: Reply(status=429, headers={"Retry-After": "0.2"}),
        5: Reply(status=500),
        8: Reply("word " * 20, hang="stream"),
        11: Reply("word " * 20, drop_after=2),
        14: Reply("word " * 20, malformed=True),
        17: Reply(hang="headers"),
        20: Reply(status=429),
    }
    with ModelServer(lambda request: faults.get(request.number) or fixes(request)) as server:
        code, document, _ = run(checkout, f"{server.url}/v1", capsys, stall_timeout="1s")
    assert code == 0
    assert [len(file["attempts"]) for file in document["files"]] == [1] * 20
    assert len(server.requests) >= 20 + len(faults)
    assert len(checkout.subjects) == 22


def test_what_was_refused_is_told_in_the_next_attempt(checkout: Any, capsys: Any) -> None:
    def script(request: Request) -> Reply:
        right = fixes(request)
        return right if "What became of the last attempt" in request.said else Reply("No, thanks.")

    with ModelServer(script) as server:
        code, document, _ = run(checkout, f"{server.url}/v1", capsys)
    assert code == 0
    attempts = document["files"][0]["attempts"]
    assert [attempt["outcome"] for attempt in attempts] == ["agent_error", "fixed"]
    again = [request.said for request in server.requests if "last attempt" in request.said]
    assert len(again) == 3
    assert all("it said: No, thanks." in said for said in again)


def test_its_price_gives_a_cost(checkout: Any, capsys: Any) -> None:
    with ModelServer(fixes) as server:
        price = "{input: 2, output: 10}"
        _, document, _ = run(checkout, f"{server.url}/v1", capsys, price=price)
    costs = [file["attempts"][0]["cost_usd"] for file in document["files"]]
    assert costs == [pytest.approx(0.0014)] * 3


def test_a_sandbox_does_not_keep_it_from_its_endpoint(checkout: Any, capsys: Any) -> None:
    with ModelServer(fixes) as server:
        sections = "sandbox: {kind: landlock, network: deny}"
        code, _, said = run(checkout, f"{server.url}/v1", capsys, sections=sections)
    if code == 3 and "does not work here" in said:
        pytest.skip(said)
    assert (code, len(server.requests)) == (0, 3)


def test_without_its_key_the_variable_is_named(
    checkout: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MY_MODEL_KEY")
    code, _, said = run(checkout, "http://127.0.0.1:1/v1", capsys)
    assert code == 2
    assert "agents.model.api_key: the environment variable MY_MODEL_KEY is not set" in said


def test_a_key_that_is_refused_stops_the_run(checkout: Any, capsys: Any) -> None:
    with ModelServer([Reply(status=401, message=f"Incorrect API key provided: {KEY}")]) as server:
        code, _, said = run(checkout, f"{server.url}/v1", capsys)
    assert code == 4
    assert "refused the key (401): Incorrect API key provided: ***" in said
    assert len(server.requests) <= 4


def test_an_unknown_model_is_named(checkout: Any, capsys: Any) -> None:
    with ModelServer([Reply(status=404, message="The model does not exist")]) as server:
        code, document, _ = run(checkout, f"{server.url}/v1", capsys)
    assert code == 1
    reason = document["files"][0]["reason"]
    assert "has no model 'some-model': it answered 404: The model does not exist" in reason
    assert len(server.requests) == 6


def test_an_endpoint_that_is_down_is_told_with_its_address(checkout: Any, capsys: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, document, _ = run(checkout, f"http://127.0.0.1:{port}/v1", capsys, max_retries=1)
    assert code == 1
    assert f"http://127.0.0.1:{port}/v1 cannot be reached" in document["files"][0]["reason"]
    assert "failed. See base_url, and whether the server is running." in document["files"][0]["reason"]


def test_without_the_extra_it_says_what_to_install(
    checkout: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stomper_sdk.agents.chat.missing_package", lambda: "openai")
    code, _, said = run(checkout, "http://127.0.0.1:1/v1", capsys)
    assert code == 2
    assert "agents.model.use: the agent chat needs the package openai" in said
    assert "pip install 'stomper_sdk[chat]'" in said
    assert not (checkout.root / ".stomper").exists()


def test_a_wrong_option_has_its_place(checkout: Any, capsys: Any) -> None:
    code, _, said = run(checkout, "localhost", capsys)
    assert code == 2
    assert re.search(r"pipeline\.yaml:6:\d+: agents\.model\.base_url: expected an address", said)


def test_the_agent_is_listed(tmp_path: Path, capsys: Any) -> None:
    assert main(["agents", "chat"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("base_url", "api_key", "edit_format", "max_input_tokens"))
