"""The server: answers each request as its script says, and keeps what it was asked."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from tests.model_server.dialects import Event, Reply, Request, error_document, read_request, written

__all__ = ["ModelServer", "by_turn"]

Script = Callable[[Request], Reply]


def by_turn(*replies: Reply) -> Script:
    """Reply n goes to whoever has had n answers, so that what is asked again is answered again.

    A client that offers no tool that is called, as one that asks for a title, gets a word and no call.
    """

    def decide(request: Request) -> Reply:
        reply = replies[min(request.turns, len(replies) - 1)]
        called = {call.tool for each in replies for call in each.calls}
        return Reply("OK") if called and called.isdisjoint(request.tools) else reply

    return decide


class ModelServer(ThreadingHTTPServer):
    """Runs in a thread while its `with` block does, at `url`, on a free port of loopback.

    Args:
        script: from a request to its reply; or replies by the request's number, of which the last repeats.
        models: what is offered in the list of models.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, script: Script | Sequence[Reply], models: Sequence[str] = ("fake",)) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.decide: Script = script if callable(script) else _in_order(script)
        self.models = tuple(models)
        self.requests: list[Request] = []
        self.lock, self.closing = threading.Lock(), threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> ModelServer:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _in_order(replies: Sequence[Reply]) -> Script:
    return lambda request: replies[min(request.number, len(replies) - 1)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Or a client that keeps its connection waits 40 ms for each answer.
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        server = cast(ModelServer, self.server)
        models = [{"id": name, "object": "model"} for name in server.models]
        known = self.path.partition("?")[0].endswith(("/", "/models"))
        self._send(200 if known else 404, {"object": "list", "data": models})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        server = cast(ModelServer, self.server)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if path.endswith(("/count_tokens", ":countTokens")):
            return self._send(200, {"input_tokens": len(raw) // 4, "totalTokens": len(raw) // 4})
        with server.lock:
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = read_request(len(server.requests), path, headers, json.loads(raw or b"{}"))
            if request is not None:
                server.requests.append(request)
        if request is None:
            return self._send(404, error_document("chat", 404, f"no such path {path}"))
        self._answer(request, server.decide(request))
        return None

    def _answer(self, request: Request, reply: Reply) -> None:
        time.sleep(reply.delay)
        if reply.hang == "headers" or (reply.hang and not request.stream):
            self._hang()
        elif reply.status != 200:
            document = error_document(request.dialect, reply.status, reply.message, reply.code, reply.kind)
            self._send(reply.status, document, reply.headers)
        elif reply.drop_after == 0:
            self._cut()
        elif request.stream:
            self._stream(reply, written(request, reply)[1])
        else:
            whole = written(request, reply)[0]
            garbled = b'{"id": "x", "choices": [{"mess'
            self._send(
                200,
                garbled if reply.malformed else whole,
                reply.headers,
                dropped=reply.drop_after is not None,
            )

    def _send(
        self, status: int, data: Any, headers: Mapping[str, str] | None = None, *, dropped: bool = False
    ) -> None:
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        self._head(
            status, {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
        )
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if dropped else body)
        if dropped:
            self._cut()

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _stream(self, reply: Reply, events: Sequence[Event]) -> None:
        kind = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}
        self._head(200, {**kind, **reply.headers})
        for number, (name, data) in enumerate(events):
            if number == reply.drop_after:
                return self._cut()
            self._event(
                name, '{"type": "oops", "choices": [{"del' if reply.malformed and number == 1 else data
            )
            if reply.hang:
                return self._hang()
        self.wfile.write(b"0\r\n\r\n")
        return None

    def _event(self, name: str, data: Any) -> None:
        text = f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n"
        raw = ((f"event: {name}\n" if name else "") + text).encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
        self.wfile.flush()

    def _hang(self) -> None:
        cast(ModelServer, self.server).closing.wait()
        self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:  # the client was faster
            return
