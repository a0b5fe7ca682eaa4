"""External commands: real ones, checked by pid."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from stomper_sdk import process
from stomper_sdk.errors import CommandError
from stomper_sdk.process import (
    CommandTimeout,
    clean_environment,
    find_program,
    run_command,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
PYTHON = sys.executable


def python(code: str, *args: str) -> list[str]:
    return [PYTHON, "-c", textwrap.dedent(code), *args]


def importing() -> dict[str, str]:
    """The environment of a Python that imports this package."""
    return clean_environment({"PYTHONPATH": str(Path(process.__file__).parents[1])})


@pytest.mark.trio
async def test_a_command_tells_its_exit_code_and_both_outputs(tmp_path: Path) -> None:
    done = await run_command(["sh", "-c", "echo out; echo err >&2; pwd; exit 3"], cwd=tmp_path, timeout=10)
    assert done.exit_code == 3
    assert done.text.splitlines() == ["out", str(tmp_path.resolve())]
    assert done.error_text == "err\n"
    assert not done.truncated
    assert done.argv[0] == "sh"


@pytest.mark.trio
async def test_a_command_that_dies_by_a_signal_has_a_negative_exit_code(tmp_path: Path) -> None:
    assert (await run_command(["sh", "-c", "kill -9 $$"], cwd=tmp_path, timeout=10)).exit_code == -9


@pytest.mark.trio
async def test_standard_input_is_given_whole_and_closed(tmp_path: Path) -> None:
    text = "é\n".encode() * 200_000
    assert (await run_command(["cat"], cwd=tmp_path, timeout=10, stdin=text)).stdout == text
    assert (await run_command(["cat"], cwd=tmp_path, timeout=10)).stdout == b""


@pytest.mark.trio
async def test_a_command_that_never_reads_its_input_does_not_block(tmp_path: Path) -> None:
    done = await run_command(["true"], cwd=tmp_path, timeout=10, stdin=b"x" * 5_000_000)
    assert done.exit_code == 0


@pytest.mark.trio
async def test_of_a_long_output_the_head_and_the_tail_are_kept(tmp_path: Path) -> None:
    code = "print('first'); print('x' * 1_000_000); print('last')"
    done = await run_command(python(code), cwd=tmp_path, timeout=10, max_output=1000)
    assert done.truncated
    assert done.text.startswith("first\n") and done.text.endswith("last\n")
    assert "output cut" in done.text
    assert len(done.stdout) < 1100


@pytest.mark.trio
@pytest.mark.parametrize("size", [999, 1000, 1001])
async def test_an_output_is_cut_only_where_it_is_longer_than_allowed(tmp_path: Path, size: int) -> None:
    code = f"print('x' * {size}, end='')"
    done = await run_command(python(code), cwd=tmp_path, timeout=10, max_output=1000)
    assert done.truncated == (size > 1000)
    assert done.truncated or len(done.stdout) == size


@pytest.mark.trio
async def test_a_command_that_floods_its_output_stays_bounded_in_memory(tmp_path: Path) -> None:
    """1 GB of output; measured in a process of its own, whose peak nothing else has raised."""
    code = """
        import resource, sys, trio
        from pathlib import Path
        from stomper_sdk.process import run_command
        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async def main():
            command = ["head", "-c", "1000000000", "/dev/zero"]
            before = peak()
            done = await run_command(command, cwd=Path("/"), timeout=60, max_output=1_000_000)
            print(done.truncated, len(done.stdout) < 1_100_000, peak() - before)
        trio.run(main)
    """
    done = await run_command(python(code), cwd=tmp_path, timeout=60, env=importing())
    truncated, short, kilobytes = done.text.split()
    assert (truncated, short) == ("True", "True"), done.error_text
    assert int(kilobytes) < 20_000 * (1024 if sys.platform == "darwin" else 1)


@pytest.mark.trio
async def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="'no-such-program' is missing"):
        await run_command(["no-such-program"], cwd=tmp_path, timeout=10)


@pytest.mark.trio
async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"there is no folder .*gone"):
        await run_command(["true"], cwd=tmp_path / "gone", timeout=10)


@pytest.mark.trio
async def test_a_file_that_cannot_be_executed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("text")
    with pytest.raises(CommandError, match="Permission denied"):
        await run_command(["./plain"], cwd=tmp_path, timeout=10)
    with pytest.raises(CommandError, match="null byte"):
        await run_command(["echo", "a\0b"], cwd=tmp_path, timeout=10)


@linux
@pytest.mark.trio
async def test_an_argument_that_is_too_long_says_what_to_do(tmp_path: Path) -> None:
    assert (await run_command(["true", "x" * 131_071], cwd=tmp_path, timeout=10)).exit_code == 0
    with pytest.raises(CommandError, match="too long") as caught:
        await run_command(["true", "x" * 131_072], cwd=tmp_path, timeout=10)
    assert "131072 bytes" in caught.value.hint and "standard input" in caught.value.hint


@pytest.mark.trio
async def test_at_the_time_limit_the_command_is_ended_and_its_output_kept(tmp_path: Path) -> None:
    with pytest.raises(CommandTimeout, match=r"time limit of 0\.3 s") as caught:
        await run_command(["sh", "-c", "echo so far; sleep 60"], cwd=tmp_path, timeout=0.3)
    assert caught.value.completed.text == "so far\n"
    assert caught.value.completed.seconds < 5


@pytest.mark.trio
async def test_a_command_may_clean_up_at_its_time_limit(tmp_path: Path) -> None:
    script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    with pytest.raises(CommandTimeout) as caught:
        await run_command(["sh", "-c", script], cwd=tmp_path, timeout=0.5)
    assert caught.value.completed.text == "ready\nbye\n"


@pytest.mark.trio
async def test_the_environment_is_the_given_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    env = clean_environment({"EXTRA": "1"})
    done = await run_command(["env"], cwd=tmp_path, timeout=10, env=env)
    lines = done.text.splitlines()
    assert "EXTRA=1" in lines and f"PWD={tmp_path}" in lines
    assert not [line for line in lines if line.startswith(("GIT_", "OLDPWD="))]


def test_a_program_is_found_in_the_active_environment_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "bin" / "some-tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    assert find_program("some-tool") is None
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    assert find_program("some-tool") == str(tool)
    assert find_program(str(tool)) == str(tool)
    assert find_program("sh") is not None
