"""The only way out of a sandbox to a model: a proxy of HTTP that connects to declared addresses alone.

By CONNECT (RFC 9110, section 9.3.6) what is said stays secret between the program and the model. A request
without TLS is passed on with its target as a server of origin takes it.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from stomper_sdk.errors import alone

__all__ = ["Address", "address_of", "open_proxy", "proxy_variables"]

#: A host in small letters, and a port.
Address = tuple[str, int]

_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?")
_URL = re.compile(rf"http://(?P<address>{_ADDRESS.pattern})(?P<rest>/.*)?")
_DROPPED = re.compile(rb"(?im)^(?:connection|proxy-[a-z-]+|keep-alive):.*\r\n")
_HTTPS, _HTTP = 443, 80
_MOST_HEAD = 64 * 1024
_HEAD_SECONDS = 30.0
_PAUSE_SECONDS = 0.05
_CHUNK = 64 * 1024
#: The most connections of one command: each takes two descriptors of ours.
_MOST = 32


def address_of(text: str, port: int = _HTTPS) -> Address:
    """Read `host`, `host:port` or `[address]:port`; without a port it is that of HTTPS.

    Raises:
        ValueError: it is none.
    """
    if not (found := _ADDRESS.fullmatch(text)) or int(found["port"] or port) > 65535:
        raise ValueError(f"an address such as api.example.org:443, got {text!r}")
    return (found["six"] or found["name"]).lower(), int(found["port"] or port)


def proxy_variables(port: int) -> Mapping[str, str]:
    """What tells a program to use the proxy at a port of its own machine, for everything."""
    url = f"http://127.0.0.1:{port}"
    names = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
    values = dict.fromkeys(names, url) | {"NO_PROXY": ""}
    return values | {name.lower(): value for name, value in values.items()} | {"NODE_USE_ENV_PROXY": "1"}


@asynccontextmanager
async def open_proxy(hosts: Collection[Address], path: Path | None = None) -> AsyncIterator[int]:
    """A proxy to some addresses, gone with all its connections when the block ends.

    Args:
        hosts: the addresses.
        path: the socket on which it listens; None for a port of this machine's loopback.

    Yields:
        That port, 0 where there is a socket.

    Raises:
        OSError: it cannot listen there.
    """
    socket = await _bound(path)
    try:
        socket.listen()
        with alone():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_accept, socket, frozenset(hosts))
                yield socket.getsockname()[1] if path is None else 0
                nursery.cancel_scope.cancel()
    finally:
        socket.close()


async def _bound(path: Path | None) -> trio.socket.SocketType:
    if path is None:
        socket = trio.socket.socket()
        await socket.bind(("127.0.0.1", 0))
        return socket
    socket = trio.socket.socket(trio.socket.AF_UNIX)
    # A whole path may be longer than an address can be.
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        await socket.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
    return socket


async def _accept(socket: trio.socket.SocketType, hosts: frozenset[Address]) -> None:
    room = trio.Semaphore(_MOST)
    async with trio.open_nursery() as nursery:
        while True:
            await room.acquire()
            try:
                accepted, _ = await socket.accept()
            except OSError:  # no descriptor left: those who wait are served when there is one
                room.release()
                await trio.sleep(_PAUSE_SECONDS)
                continue
            nursery.start_soon(_served, trio.SocketStream(accepted), hosts, room)


async def _served(client: trio.SocketStream, hosts: frozenset[Address], room: trio.Semaphore) -> None:
    """One connection; what is wrong with it ends it, and nothing else."""
    try:
        async with client:
            await _serve(client, hosts)
    except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # one of the two has gone
    finally:
        room.release()


async def _serve(client: trio.SocketStream, hosts: frozenset[Address]) -> None:
    head = rest = b""
    with trio.move_on_after(_HEAD_SECONDS):
        head, rest = await _head(client)
    request = _read(head)
    if request is None:
        await _refuse(client, "400 Bad Request", "a request that is no HTTP for a proxy")
        return
    if request.address not in hosts:
        host, port = request.address
        text = f"{host}:{port} is not among sandbox.model_hosts"
        await _refuse(client, "403 Forbidden", text)
        return
    try:
        server = await trio.open_tcp_stream(*request.address)
    except OSError as error:
        await _refuse(client, "502 Bad Gateway", str(error))
        return
    async with server:
        if request.onward:
            await server.send_all(request.onward)
        else:
            await client.send_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        if rest:
            await server.send_all(rest)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_carry, client, server)
            nursery.start_soon(_carry, server, client)


@attrs.frozen
class _Request:
    """Where a program wants to go; `onward` is the request as the server is to have it, none with CONNECT."""

    address: Address
    onward: bytes = b""


async def _head(client: trio.SocketStream) -> tuple[bytes, bytes]:
    """What comes before the first empty line, and what came after it."""
    seen = b""
    while b"\r\n\r\n" not in seen and len(seen) < _MOST_HEAD:
        chunk = await client.receive_some(_CHUNK)
        if not chunk:
            return b"", b""
        seen += chunk
    head, _, rest = seen.partition(b"\r\n\r\n")
    return bytes(head) + b"\r\n", bytes(rest)


def _read(head: bytes) -> _Request | None:
    line, _, fields = head.partition(b"\r\n")
    words = line.decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return None
    method, target, version = words
    try:
        if method == "CONNECT":
            return _Request(address_of(target))
        if not (found := _URL.fullmatch(target)):
            return None
        first = f"{method} {found['rest'] or '/'} {version}\r\n".encode("latin-1")
        onward = first + _DROPPED.sub(b"", fields) + b"Connection: close\r\n\r\n"
        return _Request(address_of(found["address"], _HTTP), onward)
    except ValueError:
        return None


async def _refuse(client: trio.SocketStream, status: str, text: str) -> None:
    body = f"{text}\n".encode()
    fields = ("Content-Type: text/plain", f"Content-Length: {len(body)}", "Connection: close", "", "")
    await client.send_all("\r\n".join([f"HTTP/1.1 {status}", *fields]).encode() + body)


async def _carry(source: trio.SocketStream, sink: trio.SocketStream) -> None:
    while chunk := await source.receive_some(_CHUNK):
        await sink.send_all(chunk)
    await sink.send_eof()
