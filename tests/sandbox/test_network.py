"""`network: model-only`: agents reach the addresses that were named, by a proxy, and nobody else anything."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
import trio

import stomper_sdk
from stomper_sdk.errors import PipelineError
from stomper_sdk.model.pipeline import SandboxSpec
from stomper_sdk.process import Completed, adopting_orphans, run_command
from stomper_sdk.sandbox import find_sandbox
from stomper_sdk.sandbox.proxy import address_of, open_proxy

# Tries every way that it knows, and prints what came of each: the answer, or the error's name.
PROBE = """
import http.client, json, os, socket, sys, urllib.request
model, other, udp = map(int, sys.argv[1:])
proxy = os.environ.get("HTTPS_PROXY", "http://127.0.0.1:3128").rpartition(":")[2]

def by_proxy(port):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1?x=1", data=b"asked")
    return urllib.request.urlopen(request, timeout=5).read().decode()

def by_tunnel(port):
    through = http.client.HTTPConnection("127.0.0.1", int(proxy), timeout=5)
    through.set_tunnel("127.0.0.1", port)
    through.request("POST", "/v1?x=2", body=b"asked" * 50000)
    return through.getresponse().read().decode()

def directly(port):
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    return "connected"

def datagram(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"told", ("127.0.0.1", port))
    return "sent"

def fast_open(port):
    with socket.socket() as one:
        one.sendto(b"told", socket.MSG_FASTOPEN, ("127.0.0.1", port))
        one.getpeername()
    return "sent"

def listen(port):
    with socket.create_server(("127.0.0.1", 0)):
        return "listens"

def multipath(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as one:
        one.connect(("127.0.0.1", port))
    return "connected"

def tried(way, port):
    try:
        return way(port)
    except OSError as error:
        return f"{type(error).__name__} {getattr(error, 'code', '')}".strip()

ways = [(by_proxy, model), (by_proxy, other), (by_tunnel, model), (by_tunnel, other), (directly, model)]
ways += [(directly, other), (datagram, udp), (listen, 0), (fast_open, other), (multipath, other)]
print(json.dumps([tried(way, port) for way, port in ways]))
"""


class _Model(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        size = len(self.rfile.read(int(self.headers["Content-Length"])))
        body = f"{self.path} {size}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.asked.append(self.headers.get("Proxy-Authorization"))  # type: ignore[attr-defined]

    def log_message(self, *args: object) -> None: ...


@pytest.fixture(autouse=True)
def _no_child_left() -> Iterator[None]:
    """Beside what other tests keep for longer, as a browser."""
    before = set(psutil.Process().children())
    yield
    assert set(psutil.Process().children()) <= before


@pytest.fixture
def model() -> Iterator[Any]:
    """A server that answers, with the number of times that it was asked."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Model) as server:
        server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def stranger() -> Iterator[Any]:
    """Somebody else on this machine, whom nothing must reach."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        tcp.setblocking(False)
        udp.setblocking(False)
        yield tcp, udp
        with pytest.raises(BlockingIOError):
            tcp.accept()
        with pytest.raises(BlockingIOError):
            udp.recv(100)


def probed(kind: str, place: Path, model: Any, stranger: Any, *, talking: bool) -> list[str]:
    spec = SandboxSpec(kind=kind, network="model-only", model_hosts=(f"127.0.0.1:{port_of(model)}",))  # type: ignore[arg-type]
    ports = [port_of(model), *(end.getsockname()[1] for end in stranger)]
    words = [sys.executable, "-I", "-c", PROBE, *map(str, ports)]

    async def main() -> Completed:
        found = await find_sandbox(spec, place)
        assert found is not None
        cell = found.around(place).talking() if talking else found.around(place)
        with adopting_orphans():
            return await run_command(words, cwd=place, timeout=60, confinement=cell)

    done = trio.run(main)
    assert done.exit_code == 0, done.error_text
    answers: list[str] = json.loads(done.text)
    return answers


def port_of(server: socketserver.BaseServer) -> int:
    return int(server.server_address[1])


def test_an_agent_reaches_the_model_and_nothing_else(
    kind: str, tmp_path: Path, model: Any, stranger: Any
) -> None:
    answers = probed(kind, tmp_path, model, stranger, talking=True)
    assert answers[:4] == ["/v1?x=1 5", "HTTPError 403", "/v1?x=2 250000", "OSError"]
    refused = {"ConnectionRefusedError", "PermissionError", "OSError"}
    assert refused.issuperset([*answers[4:6], *answers[8:]])
    # In a network of its own a datagram goes nowhere; elsewhere there is no socket for one.
    alone = kind == "bubblewrap"
    assert answers[6:8] == (["sent", "listens"] if alone else ["PermissionError", "PermissionError"])
    assert model.asked == [None, None]


def test_who_is_no_agent_reaches_nothing(kind: str, tmp_path: Path, model: Any, stranger: Any) -> None:
    answers = probed(kind, tmp_path, model, stranger, talking=False)
    refused = {"ConnectionRefusedError", "PermissionError", "OSError", "URLError"}
    assert refused.issuperset([*answers[:6], *answers[8:]]), answers
    assert model.asked == []


AGENT = """
import os, sys, urllib.request
port, path = sys.argv[1:]
said = urllib.request.urlopen("http://127.0.0.1:" + port + "/fix", data=b"x").read().decode()
text = open(path).read().replace("import os\\n", "")
open(path, "w").write(text + "# " + said + "\\n")
"""


def pipeline(kind: str, *words: str, **network: Any) -> dict[str, Any]:
    command = {"use": "command", "run": [sys.executable, "-c", AGENT, *words, "{file}"], "prompt": "none"}
    return {
        "extends": "default",
        "checks": {"ruff": {"use": "ruff", "select": ["F401"]}},
        "agents": {"builtin": command},
        "retry": {"max_attempts": 1},
        "test_validation": {"mode": "none"},
        "sandbox": {"kind": kind, "network": "model-only", **network},
    }


def test_a_run_lets_its_agent_out_to_the_model(
    kind: str, model: Any, make_checkout: Callable[..., Any]
) -> None:
    user = make_checkout({"a.py": "import os\n\nprint(1)\n", "b.py": "import os\n"})
    port = str(port_of(model))
    result = stomper_sdk.run(pipeline(kind, port, model_hosts=[f"127.0.0.1:{port}"]), repo=user.root)
    assert [file.outcome for file in result.files] == ["fixed", "fixed"], result.files[0].reason
    assert user.shown("HEAD", "a.py") == "\nprint(1)\n# /fix 1\n"
    assert len(model.asked) == 2


def test_the_folder_of_temporary_files_may_have_a_long_name(
    kind: str, tmp_path: Path, model: Any, stranger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, temporary = tmp_path / "place", tmp_path / ("long" * 30)
    for folder in (place, temporary):
        folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    assert probed(kind, place, model, stranger, talking=True)[0] == "/v1?x=1 5"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("host", ["a.example:99999", "a.example:70000"])
def test_a_port_that_there_cannot_be_is_refused(host: str, make_checkout: Callable[..., Any]) -> None:
    user = make_checkout({"a.py": "import os\n"})
    with pytest.raises(PipelineError, match=r"sandbox\.model_hosts: expected an address such as"):
        stomper_sdk.run(pipeline("auto", "1", model_hosts=[host]), repo=user.root)


def test_a_model_without_an_address_is_refused(make_checkout: Callable[..., Any]) -> None:
    user = make_checkout({"a.py": "import os\n"})
    with pytest.raises(PipelineError, match=r"model-only needs the model's address: .*sandbox\.model_hosts"):
        stomper_sdk.run(pipeline("auto", "1"), repo=user.root)


@pytest.mark.parametrize(
    ("network", "says"),
    [
        ({"model_hosts": ["https://api.example.org"]}, "sandbox.model_hosts[0]"),
        ({"network": "deny", "model_hosts": ["api.example.org"]}, "model_hosts needs network: model-only"),
        ({"network": "model_only"}, "did you mean 'model-only'?"),
    ],
)
def test_what_is_no_address_or_does_nothing_is_refused(network: dict[str, Any], says: str) -> None:
    with pytest.raises(PipelineError) as caught:
        stomper_sdk.load_pipeline(pipeline("auto", "1", **network))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("API.Example.org", ("api.example.org", 443)),
        ("localhost:8000", ("localhost", 8000)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_an_address_is_read(text: str, address: tuple[str, int]) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize("text", ["", "a:70000", "a/b", "a:b", "a b", "user@a", "::1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="an address such as"):
        address_of(text)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02" * 30000, b"400"),
        (b"CONNECT a:1:2 HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT 169.254.169.254:80 HTTP/1.1\r\n\r\n", b"403"),
        (b"GET http://model.example@127.0.0.1/ HTTP/1.1\r\n\r\n", b"400"),
        (b"GET http://model.example.evil.example/ HTTP/1.1\r\nHost: model.example\r\n\r\n", b"403"),
        (b"CONNECT MODEL.invalid:443 HTTP/1.1\r\n\r\n", b"502"),
    ],
)
async def test_a_proxy_answers_what_it_does_not_pass_on(said: bytes, status: bytes) -> None:
    async with open_proxy({("model.example", 80), ("model.invalid", 443)}) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        async with stream:
            with trio.move_on_after(5):
                await stream.send_all(said)
            answer = await stream.receive_some(1000)
    assert answer.split()[1] == status


async def test_a_proxy_ends_with_its_connections_at_work() -> None:
    async with open_proxy({("model.example", 80)}) as port:
        streams = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(40)]
    for stream in streams:
        async with stream:
            with contextlib.suppress(trio.BrokenResourceError):
                assert await stream.receive_some(1) == b""
    with pytest.raises(OSError, match="all attempts to connect"):
        await trio.open_tcp_stream("127.0.0.1", port)
