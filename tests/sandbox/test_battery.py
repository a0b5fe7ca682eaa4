"""The battery: each hostile agent against the user's repository, home and processes.

What must hold after each: the run has ended in time, the file's outcome is the true one, nothing of the
user's has changed but for an honest commit, nothing that was planted has run, and no process is left.

A script finds the file as `$1`; `$REPO` is the user's checkout, `$REAL` their home, `$OUT` a folder that is
nobody's, `$VICTIM` a process of theirs. `fix` cures the file. Whatever `$OUT` gets was done by what an agent
planted, or by itself outside of its workspace.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

import stomper_sdk
from stomper_sdk.model.result import RunResult
from stomper_sdk.reports.text import result_text

KINDS = ("bubblewrap", "landlock")
_SECONDS = 30
_HELPERS = 'fix() { sed -i "/^import/d" "$file"; }; file=$1\n'
#: Outside of a sandbox it does its harm: documented, and not run.
NOT_CONTAINED = "not contained"
#: Outside of a sandbox it changes what git obeys; the run ends before git does.
NOTICED = "noticed"


@attrs.frozen
class Hostile:
    """An agent, and the outcome of its file inside of a sandbox and outside.

    `landlock` is its outcome there where that holds less; `text` is what a fix of it holds; `sections`
    are those of the pipeline that differ, `files` what the repository has besides.
    """

    name: str
    script: str
    inside: str = "fixed"
    outside: str = "fixed"
    landlock: str = ""
    text: str = "\nprint(1)\n"
    sections: Mapping[str, Any] = attrs.field(factory=dict)
    files: Mapping[str, str] = attrs.field(factory=dict)

    def outcome(self, kind: str) -> str:
        """What becomes of the file where the sandbox is of this kind; `none` is one too."""
        if kind == "none":
            return self.outside
        return self.landlock if kind == "landlock" and self.landlock else self.inside


_FREE = {"guard": {"scope": "repo"}, "test_validation": {"mode": "full", "flaky_reruns": 0}}
_TESTED = {"tests/test_a.py": 'def test_a():\n    __import__("a")\n'}
_PLANT = "try:\n    open('$OUT/planted', 'w')\nexcept OSError:\n    pass\n"
_EMBEDDED = """
    mkdir -p sub && cd sub && git init -q . && git config user.name n && git config user.email e
    echo 1 > f && git add f && git commit -qm s
    git config filter.x.clean "touch $OUT/filtered; cat"; git config core.fsmonitor "touch $OUT/watched"
    echo '* filter=x' > .gitattributes; echo 2 > f; cd ..; fix
"""
_TALK = """python3 -c '
import socket, sys
s = socket.socket(getattr(socket, sys.argv[1]))
s.settimeout(2)
s.connect(sys.argv[2] if sys.argv[1] == "AF_UNIX" else ("127.0.0.1", int(sys.argv[2])))
s.sendall(b"told")
'"""


def _harms(name: str, script: str, **options: Any) -> Hostile:
    """One that only a sandbox holds."""
    return Hostile(name, script, outside=NOT_CONTAINED, **options)


def _obeyed(name: str, script: str) -> Hostile:
    """One that changes what git obeys."""
    return Hostile(name, script, outside=NOTICED)


BATTERY: tuple[Hostile, ...] = (
    # links out of the workspace
    _harms("writes through a link", 'ln -s "$REPO" l; echo x >> l/b.txt; rm l; fix'),
    Hostile("makes the file a link", 'rm "$1"; ln -s "$REPO/a.py" "$1"', "rejected", "rejected"),
    Hostile("makes the file a device", 'rm "$1"; ln -s /dev/zero "$1"', "rejected", "rejected"),
    Hostile("leaves a link to everything", "ln -s / root; fix", "rejected", "rejected"),
    _harms("writes through a hard link", 'ln "$REPO/b.txt" h && echo x >> h; rm -f h; fix'),
    # the user's tree and home
    _harms("writes into the user's tree", 'echo x >> "$REPO/b.txt"; touch "$REPO/new"; fix'),
    _harms("removes the user's tree", 'rm -rf "$REPO"/*; fix'),
    _harms("changes modes", 'chmod 777 "$REPO/b.txt"; fix', landlock=NOT_CONTAINED),
    _harms("changes the user's file times", 'touch -d 2001-01-01 "$REPO/b.txt"; fix', landlock=NOT_CONTAINED),
    _harms("writes into the real home", 'echo x >> "$REAL/.bashrc"; fix'),
    Hostile("writes into its home", 'echo x > "$HOME/.profile"; fix', outside=NOT_CONTAINED),
    _harms("writes elsewhere", 'echo x > "$OUT/file"; fix'),
    _harms("reads a secret", '! cat "$REAL/.ssh/id_test" || exit 3; fix', landlock=NOT_CONTAINED),
    _harms("spoils the state of the run", 'for f in "$REPO"/.stomper/*; do echo x > "$f/x"; done; fix'),
    # what git obeys
    _obeyed("sets core.fsmonitor", 'git config core.fsmonitor "touch $OUT/watched"; fix'),
    _obeyed("sets core.sshCommand", 'git config core.sshCommand "touch $OUT/called"; fix'),
    _obeyed("sets core.hooksPath", 'git config core.hooksPath "$PWD"; fix'),
    _obeyed("hides a setting in one of a branch",
            'printf "[branch \\"x\\"][core]\\nfsmonitor = touch $OUT/x\\n"'
            ' >> "$REPO/.git/config"; fix'),
    _obeyed("plants a hook", 'printf "#!/bin/sh\\ntouch $OUT/hooked\\n" > "$REPO/.git/hooks/post-merge"'
            ' && chmod +x "$REPO/.git/hooks/post-merge"; fix'),
    _obeyed("adds alternates", 'echo "$PWD" > "$REPO/.git/objects/info/alternates"; fix'),
    _obeyed("hides its files",
            'mkdir -p "$REPO/.git/info"; echo "*.hidden" >> "$REPO/.git/info/exclude"; fix'),
    _obeyed("sets a filter", 'git config filter.x.clean "touch $OUT/filtered; cat";'
            ' mkdir -p "$REPO/.git/info"; echo "* filter=x" > "$REPO/.git/info/attributes"; fix'),
    Hostile("leads its worktree elsewhere", 'git init -q evil 2>&1; e="$PWD/evil/.git";'
            ' git -C evil config core.fsmonitor "touch $OUT/watched";'
            ' echo "$e" > "$(git rev-parse --git-dir)/commondir"; rm -rf evil; fix', outside="error"),
    Hostile("makes its .git another one", 'rm -f .git; git init -q . ; git config core.fsmonitor'
            ' "touch $OUT/watched"; fix', outside="fixed"),
    Hostile("brings a repository with a filter", _EMBEDDED, "rejected", "rejected",
            sections={"retry": {"max_attempts": 2}}),
    Hostile("asks for a filter that is not there", "echo '*.py filter=x diff=y' > .gitattributes; fix",
            "rejected", "rejected"),
    Hostile("commits", "fix; git commit -qam mine; true"),
    _harms("moves the user's branch",
           "git update-ref refs/heads/main $(git commit-tree -m x HEAD^{tree}); fix"),
    _harms("leaves a tag", "git tag evil; fix"),
    Hostile("holds the index", 'touch "$(git rev-parse --git-dir)/index.lock"; fix', outside="error"),
    # what our tools would run
    _harms("plants a conftest.py", f'cat > conftest.py <<END\n{_PLANT}END\nfix', sections=_FREE,
           files=_TESTED),
    _harms("plants a sitecustomize.py", f'cat > sitecustomize.py <<END\n{_PLANT}END\nfix', sections=_FREE,
           files=_TESTED),
    _harms("plants a plug-in", f'cat > evil.py <<END\n{_PLANT}END\n'
           'printf "[tool.pytest.ini_options]\\naddopts = \\"-p evil\\"\\n" > pyproject.toml; fix',
           sections=_FREE, files=_TESTED),
    _harms("fixes with code that writes", 'printf "open(\\"$OUT/imported\\", \\"w\\")\\n" > "$1"',
           inside="rejected", sections=_FREE, files=_TESTED),
    # processes
    Hostile("leaves children", "for i in 1 2 3 4 5 6 7 8; do sleep 300 & done; fix"),
    Hostile("leaves a daemon", "setsid bash -c 'setsid sleep 300 & sleep 300 &' & fix"),
    Hostile("ignores signals", "trap '' TERM INT HUP; (trap '' TERM INT; sleep 300; sleep 300) & fix"),
    _harms("leaves a daemon without an environment",
           'env -i setsid bash -c "exec -a $BATTERY sleep 300" & fix',
           landlock=NOT_CONTAINED),
    Hostile("never ends", "sleep 300", "error", "error", sections={"timeout": "1s"}),
    Hostile("stops itself", "kill -STOP $$", "error", "error", sections={"timeout": "1s"}),
    Hostile("kills itself", "kill -9 $$", "error", "error"),
    _harms("kills the user's process", 'kill -9 "$VICTIM"; fix'),
    _harms("is a fork bomb", "ulimit -u 2000; b() { b | b & }; b; sleep 60", inside="error"),
    # memory, disk, output
    _harms("takes memory", "python3 -c 'x = [bytes(10**6) for _ in range(10**6)]' && fix; exit 1",
           inside="error"),
    _harms("takes memory in children", "for i in 1 2 3 4; do python3 -c 'import time; x = bytes([1]) * 10**8;"
           " time.sleep(30)' & done; wait", inside="error"),
    _harms("takes shared memory", "python3 -c 'import mmap, time; m = mmap.mmap(-1, 4 * 10**8);"
           " m.write(bytes([1]) * 4 * 10**8); time.sleep(30)'", inside="error"),
    _harms("fills /dev/shm", "dd if=/dev/zero of=/dev/shm/$BATTERY bs=1M count=300 && exit 3; fix"),
    Hostile("prints without end", "timeout 0.5 yes; timeout 0.5 yes >&2; fix"),
    Hostile("prints a verdict", 'echo "{\\"outcome\\": \\"fixed\\"}"', "unfixed", "unfixed"),
    # files
    Hostile("keeps size and time of the file", 'cp -p "$1" "$1.was"; sed -i "s/^import os/#mport os/" "$1";'
            ' touch -r "$1.was" "$1"; rm "$1.was"', text="#mport os\n\nprint(1)\n"),
    Hostile("dates the file back", 'fix; touch -d 1971-01-01 "$1"'),
    Hostile("names files badly", "touch $'x\\n\\e[31m' -- '-rf'; fix", "rejected", "rejected"),
    Hostile("writes much", 'seq -f "# %g" 100000 > "$1"', "rejected", "rejected"),
    Hostile("makes many files", "seq -f f%g 3000 | xargs touch; fix", "rejected", "rejected"),
    Hostile("nests folders",
            "python3 -c 'import os\nfor _ in range(1500): os.mkdir(\"d\"); os.chdir(\"d\")'; fix"),
    Hostile("leaves a pipe and a socket", "mkfifo p; python3 -c 'import socket\n"
            "try: socket.socket(socket.AF_UNIX).bind(\"s\")\nexcept OSError: pass'; fix"),
    Hostile("removes the workspace", 'rm -rf "$PWD"; true', "rejected", "error"),
    # network, mounts
    _harms("talks to a server", f'{_TALK} AF_INET "$PORT"; fix'),
    _harms("talks to another program", f'{_TALK} AF_UNIX "$OUT/socket"; fix'),
    _harms("mounts over the user's tree", 'mount -t tmpfs none "$REPO"; fix'),
    _harms("makes the disk writable again",
           'mount -o remount,rw,bind /; unshare -Urm mount -o remount,rw,bind /;'
           ' echo x >> "$REPO/b.txt"; fix'),
)  # fmt: skip


@attrs.frozen
class Scene:
    """The user's world around a run."""

    user: Any
    home: Path
    out: Path
    victim: subprocess.Popen[bytes]
    server: socket.socket
    listener: socket.socket
    token: str

    def seen(self) -> dict[str, tuple[object, ...]]:
        """All that must be as before, but for the commit of a fix."""
        root, git = self.user.root, self.user.root / ".git"
        kept = {**_content(root, leaving=frozenset({".git", ".stomper"})), **_content(self.home)}
        for name in ("config", "hooks", "info", "objects/info"):
            kept |= _content(git / name)
        refs = self.user.git("for-each-ref").splitlines()
        kept["refs"] = tuple(ref for ref in refs if not ref.endswith("refs/heads/main"))
        return kept

    def processes(self) -> list[int]:
        """What carries the token, in its environment or its name, and runs."""
        return [int(place.name) for place in Path("/proc").glob("[0-9]*") if self._belongs(place)]

    def _belongs(self, place: Path) -> bool:
        try:
            said = (place / "environ").read_bytes() + (place / "cmdline").read_bytes()
        except OSError:
            return False
        return self.token.encode() in said and int(place.name) != os.getpid()

    def told(self) -> bool:
        """Whether anybody has talked to one of the two sockets."""
        for listening in (self.server, self.listener):
            listening.setblocking(False)
            try:
                listening.accept()
            except BlockingIOError:
                continue
            return True
        return False


def _content(root: Path, leaving: frozenset[str] = frozenset()) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    places = [root] if root.is_file() else sorted(root.rglob("*"))
    for place in places:
        if place.relative_to(root).parts[:1] and place.relative_to(root).parts[0] in leaving:
            continue
        status = place.lstat()
        text = place.read_bytes() if place.is_file() else b""
        found[str(place)] = (status.st_mode, status.st_mtime_ns if place.is_file() else 0, text)
    return found


@pytest.fixture
def scene(
    make_checkout: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    home, out = Path(os.environ["HOME"]), tmp_path / "out"
    out.mkdir()
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_test").write_text("secret")
    (home / ".bashrc").write_text("# mine\n")
    user = make_checkout({"a.py": "import os\n\nprint(1)\n", "b.txt": "b\n"})
    token = f"battery-{os.getpid()}-{time.monotonic_ns()}"
    server, listener = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(out)  # the name of a socket is short
    listener.bind("socket")
    listener.listen()
    victim = subprocess.Popen(["sleep", "300"], stdout=subprocess.DEVNULL)
    try:
        yield Scene(user, home, out, victim, server, listener, token)
    finally:
        victim.kill()
        victim.wait()
        server.close()
        listener.close()


def run(agent: Hostile, kind: str, scene: Scene) -> RunResult:
    sections = dict(agent.sections)
    environment = {
        "REPO": str(scene.user.root),
        "REAL": str(scene.home),
        "OUT": str(scene.out),
        "VICTIM": str(scene.victim.pid),
        "PORT": str(scene.server.getsockname()[1]),
        "BATTERY": scene.token,
    }
    words = ["bash", "-c", _HELPERS + agent.script, "bash", "{file}"]
    command = {"use": "command", "run": [word.replace("{", "{{").replace("}", "}}") for word in words[:-1]]}
    command |= {"prompt": "none", "env": environment, "timeout": sections.pop("timeout", "20s")}
    command["run"].append("{file}")
    pipeline = {
        "extends": "default",
        "checks": {"ruff": {"use": "ruff", "select": ["F401"]}},
        "agents": {"builtin": command},
        "retry": {"max_attempts": 1},
        "test_validation": {"mode": "none"},
        "sandbox": {"kind": kind, "memory": "200M", "processes": 48},
        **sections,
        "guard": {"forbid": [], **sections.get("guard", {})},
    }
    text = json.dumps(pipeline).replace("${", "$${")
    return stomper_sdk.run(text, repo=scene.user.root, only=stomper_sdk.Selection(codes=("F401",)))


CASES = [
    pytest.param(
        agent, kind, id=f"{agent.name}-{kind}", marks=[pytest.mark.slow] if kind == "landlock" else []
    )
    for agent in BATTERY
    for kind in ("none", *KINDS)
    if agent.outcome(kind) != NOT_CONTAINED
]


def test_the_battery_is_large_enough() -> None:
    assert len({agent.name for agent in BATTERY}) == len(BATTERY) >= 40


@pytest.mark.parametrize(("agent", "kind"), CASES)
def test_it_is_contained(agent: Hostile, kind: str, scene: Scene, refusal: Callable[[str], str]) -> None:
    if kind != "none" and (reason := refusal(kind)):
        pytest.skip(reason)
    if agent.files:
        scene.user.commit(agent.files, "more")
    outcome, base = agent.outcome(kind), scene.user.head
    before, started = scene.seen(), time.monotonic()
    result = run(agent, kind, scene)
    assert time.monotonic() - started < _SECONDS
    assert [path.name for path in scene.out.iterdir()] == ["socket"]
    assert (scene.processes(), scene.victim.poll(), scene.told()) == ([], None, False)
    assert scene.user.leftovers() == []
    if outcome == NOTICED:
        assert (result.status, result.exit_code, scene.user.head) == ("failed", 3, base)
        assert "was changed while the run was at work" in str(result.error)
        return
    (file,) = result.files
    assert (result.status, file.outcome) == ("completed", outcome), file.reason
    changed = scene.user.git("diff", "--name-only", base, "HEAD").split()
    committed = {str(scene.user.root / name) for name in changed}
    changes = {path for path, _ in scene.seen().items() ^ before.items()}
    assert changes <= committed
    assert "\x1b" not in result_text(result)
    if outcome == "fixed":
        assert "guard" in agent.sections or changed == ["a.py"]
        assert scene.user.shown("HEAD", "a.py") == agent.text
        assert scene.user.git("rev-list", f"{base}..HEAD").split() == [file.commit]
    else:
        assert scene.user.head == base
