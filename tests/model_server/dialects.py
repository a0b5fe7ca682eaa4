"""What clients of four vendors ask, read into one form, and what they are answered, written in theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

__all__ = ["Call", "Reply", "Request", "error_document", "read_request", "written"]

_PIECE = 24
#: An event of a stream: its name, where the dialect gives one, and its data.
Event = tuple[str, Any]


@attrs.frozen
class Call:
    """A call of a tool; `arguments` are a text where the tool takes free text."""

    tool: str
    arguments: Mapping[str, Any] | str = attrs.field(factory=dict)


@attrs.frozen
class Reply:
    """One answer, and what goes wrong with it.

    Attributes:
        text: what the model says.
        calls: the tools that it calls.
        tokens_in: how many tokens it counts in the request.
        tokens_out: how many in the answer.
        tokens_cached: how many of the request's it had read before (`chat` only, as the next two).
        counts: whether it tells the counts at all.
        finish: why the answer ends.
        status: anything but 200 is an error of the dialect, with `message`.
        message: the text of that error.
        code: its code; by default the status.
        error_event: in the place of the second event, the same error (`chat` only).
        kind: its type, by the status where none is given.
        headers: added to the answer's.
        delay: seconds before anything is sent.
        drop_after: cut the connection after so many events; half-way where the answer is whole.
        malformed: the second event, or the body, is no JSON.
        hang: `headers` sends nothing at all, `stream` one event; until the client goes or the server ends.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    tokens_in: int = 100
    tokens_out: int = 10
    tokens_cached: int = 0
    counts: bool = True
    finish: str = "stop"
    status: int = 200
    message: str = "injected fault"
    code: str = ""
    error_event: bool = False
    kind: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    delay: float = 0.0
    drop_after: int | None = None
    malformed: bool = False
    hang: str = ""


@attrs.frozen
class Request:
    """What a client asked.

    Attributes:
        number: how many the server had been asked before.
        dialect: `chat`, `responses`, `anthropic` or `gemini`.
        headers: by name in small letters.
        body: the request as it came.
        stream: whether the answer is to come in events.
        tools: the names of the tools that may be called, with their kinds.
        texts: the system prompt, then all that was said and returned, in order.
        turns: how often the model has answered already.
    """

    number: int
    dialect: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    stream: bool
    model: str
    tools: Mapping[str, str]
    texts: tuple[str, ...]
    turns: int

    @property
    def said(self) -> str:
        return "\n".join(self.texts)


def read_request(
    number: int, path: str, headers: Mapping[str, str], body: Mapping[str, Any]
) -> Request | None:
    """A request for an answer of the model; None where the path is no such thing."""
    ways: tuple[tuple[str, str, Callable[..., Any]], ...] = (
        (r"/chat/completions$", "chat", _from_chat),
        (r"/responses$", "responses", _from_responses),
        (r"/messages$", "anthropic", _from_anthropic),
        (r":(streamG|g)enerateContent$", "gemini", _from_gemini),
    )
    for pattern, dialect, reader in ways:
        if re.search(pattern, path):
            tools, texts, turns = reader(body)
            model = body.get("model") or path.rpartition("models/")[2].partition(":")[0]
            stream = bool(body.get("stream")) or "streamGenerate" in path
            texts = tuple(filter(None, texts))
            return Request(number, dialect, path, headers, body, stream, model, tools, texts, turns)
    return None


def written(request: Request, reply: Reply) -> tuple[Any, list[Event]]:
    """The answer as one document, and the same as events."""
    writer = {
        "chat": _as_chat,
        "responses": _as_responses,
        "anthropic": _as_anthropic,
        "gemini": _as_gemini,
    }[request.dialect]
    return writer(request, reply)


def error_document(dialect: str, status: int, message: str, code: str = "", kind: str = "") -> Any:
    kinds = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
    kind = kind or kinds.get(status, "api_error")
    if dialect == "anthropic":
        return {"type": "error", "error": {"type": kind, "message": message}}
    if dialect == "gemini":
        return {"error": {"code": status, "message": message, "status": kind.upper()}}
    return {"error": {"message": message, "type": kind, "code": code or str(status), "param": None}}


def _plain(content: Any) -> str:
    """The text of a content: a string, a part, or a list of parts."""
    if isinstance(content, list):
        return "\n".join(filter(None, map(_plain, content)))
    if isinstance(content, dict):
        return _plain(content.get("text") or content.get("content") or content.get("output") or "")
    return content if isinstance(content, str) else ""


def _from_chat(body: Mapping[str, Any]) -> tuple[Mapping[str, str], Iterable[str], int]:
    messages = body.get("messages", [])
    tools = {tool["function"]["name"]: "function" for tool in body.get("tools") or ()}
    turns = sum(message["role"] == "assistant" for message in messages)
    return tools, map(_plain, messages), turns


def _from_responses(body: Mapping[str, Any]) -> tuple[Mapping[str, str], Iterable[str], int]:
    items = body.get("input", [])
    items = [{"role": "user", "content": items}] if isinstance(items, str) else items
    answered = ("function_call", "custom_tool_call")
    turns = sum(item.get("type") in answered or item.get("role") == "assistant" for item in items)
    tools = {tool.get("name", tool["type"]): tool["type"] for tool in body.get("tools") or ()}
    return tools, [body.get("instructions") or "", *map(_plain, items)], turns


def _from_anthropic(body: Mapping[str, Any]) -> tuple[Mapping[str, str], Iterable[str], int]:
    messages = body.get("messages", [])
    turns = sum(message["role"] == "assistant" for message in messages)
    tools = {tool["name"]: "function" for tool in body.get("tools") or ()}
    return tools, [_plain(body.get("system")), *map(_plain, messages)], turns


def _from_gemini(body: Mapping[str, Any]) -> tuple[Mapping[str, str], Iterable[str], int]:
    contents = body.get("contents", [])
    turns = sum(content.get("role") == "model" for content in contents)
    declared = [each for tool in body.get("tools") or () for each in tool.get("functionDeclarations", ())]
    system = body.get("systemInstruction") or {}
    texts = [_plain(part.get("parts")) for part in (system, *contents)]
    return {each["name"]: "function" for each in declared}, texts, turns


def _pieces(text: str) -> list[str]:
    return [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]


def _as_chat(request: Request, reply: Reply) -> tuple[Any, list[Event]]:
    base = {"id": f"chat-{request.number}", "created": 0, "model": request.model}
    usage = {
        "prompt_tokens": reply.tokens_in,
        "completion_tokens": reply.tokens_out,
        "total_tokens": reply.tokens_in + reply.tokens_out,
        "prompt_tokens_details": {"cached_tokens": reply.tokens_cached},
    }
    calls = [
        {
            "index": at,
            "id": f"call_{request.number}_{at}",
            "type": "function",
            "function": {"name": call.tool, "arguments": json.dumps(call.arguments)},
        }
        for at, call in enumerate(reply.calls)
    ]
    stop = "tool_calls" if calls else reply.finish
    message = {"role": "assistant", "content": reply.text or None, **({"tool_calls": calls} if calls else {})}
    choice = {"index": 0, "message": message, "finish_reason": stop}
    counted = {"usage": usage} if reply.counts else {}
    document = {**base, "object": "chat.completion", "choices": [choice], **counted}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in _pieces(reply.text)]
    deltas += [{"tool_calls": [call]} for call in calls]
    chunk = {**base, "object": "chat.completion.chunk"}
    events: list[Event] = [
        ("", {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}) for delta in deltas
    ]
    events.append(("", {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": stop}]}))
    if reply.counts and (request.body.get("stream_options") or {}).get("include_usage"):
        events.append(("", {**chunk, "choices": [], "usage": usage}))
    if reply.error_event:
        events[1] = ("", error_document("chat", 500, reply.message, reply.code))
    return document, [*events, ("", "[DONE]")]


def _as_responses(request: Request, reply: Reply) -> tuple[Any, list[Event]]:
    number, output = request.number, list[dict[str, Any]]()
    if reply.text:
        said = {"type": "output_text", "text": reply.text, "annotations": []}
        message = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed"}
        output.append({**message, "content": [said]})
    for at, call in enumerate(reply.calls):
        key = f"call_{number}_{at}"
        free = request.tools.get(call.tool) == "custom"
        what = (
            {"type": "custom_tool_call", "input": call.arguments}
            if free
            else {"type": "function_call", "arguments": json.dumps(call.arguments)}
        )
        output.append({**what, "id": f"fc_{key}", "call_id": key, "name": call.tool, "status": "completed"})
    usage = {
        "input_tokens": reply.tokens_in,
        "output_tokens": reply.tokens_out,
        "total_tokens": reply.tokens_in + reply.tokens_out,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    document = {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 0,
        "model": request.model,
        "status": "completed",
        "error": None,
        "output": output,
        "usage": usage,
        "tools": [],
    }
    begun = {**document, "status": "in_progress", "output": [], "usage": None}
    events: list[Event] = [("response.created", {"response": begun})]
    for at, item in enumerate(output):
        events += _item_events(at, item)
    events.append(("response.completed", {"response": document}))
    numbered = enumerate(events)
    return document, [(name, {"type": name, "sequence_number": n, **data}) for n, (name, data) in numbered]


def _item_events(at: int, item: Mapping[str, Any]) -> list[Event]:
    where, opened = {"output_index": at, "item_id": item["id"]}, {**item, "status": "in_progress"}
    done: Event = ("response.output_item.done", {**where, "item": item})
    if item["type"] != "message":
        return [("response.output_item.added", {**where, "item": opened}), done]
    part, whole = {**where, "content_index": 0}, item["content"][0]
    return [
        ("response.output_item.added", {**where, "item": {**opened, "content": []}}),
        ("response.content_part.added", {**part, "part": {**whole, "text": ""}}),
        *(
            ("response.output_text.delta", {**part, "delta": piece, "logprobs": []})
            for piece in _pieces(whole["text"])
        ),
        ("response.output_text.done", {**part, "text": whole["text"], "logprobs": []}),
        ("response.content_part.done", {**part, "part": whole}),
        done,
    ]


def _as_anthropic(request: Request, reply: Reply) -> tuple[Any, list[Event]]:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": reply.text}] if reply.text else []
    blocks += [
        {"type": "tool_use", "id": f"toolu_{request.number}_{at}", "name": call.tool, "input": call.arguments}
        for at, call in enumerate(reply.calls)
    ]
    usage = {
        "input_tokens": reply.tokens_in,
        "output_tokens": reply.tokens_out,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
    stop = {"stop_reason": "tool_use" if reply.calls else "end_turn", "stop_sequence": None}
    base = {"id": f"msg_{request.number}", "type": "message", "role": "assistant", "model": request.model}
    begun: dict[str, Any] = {
        **base,
        "content": [],
        "stop_reason": None,
        "usage": {**usage, "output_tokens": 1},
    }
    events: list[Event] = [("message_start", {"message": begun})]
    for at, block in enumerate(blocks):
        if block["type"] == "text":
            head = {**block, "text": ""}
            deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]
        else:
            head = {**block, "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        events.append(("content_block_start", {"index": at, "content_block": head}))
        events += [("content_block_delta", {"index": at, "delta": delta}) for delta in deltas]
        events.append(("content_block_stop", {"index": at}))
    events += [("message_delta", {"delta": stop, "usage": usage}), ("message_stop", {})]
    document = {**base, "content": blocks, **stop, "usage": usage}
    return document, [(name, {"type": name, **data}) for name, data in events]


def _as_gemini(request: Request, reply: Reply) -> tuple[Any, list[Event]]:
    usage = {
        "promptTokenCount": reply.tokens_in,
        "candidatesTokenCount": reply.tokens_out,
        "totalTokenCount": reply.tokens_in + reply.tokens_out,
    }

    def answer(parts: list[dict[str, Any]], **more: str) -> dict[str, Any]:
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0, **more}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": request.model}

    calls: list[dict[str, Any]] = [
        {"functionCall": {"id": f"call_{request.number}_{at}", "name": call.tool, "args": call.arguments}}
        for at, call in enumerate(reply.calls)
    ]
    said = [{"text": reply.text}] if reply.text else []
    events: list[Event] = [("", answer([{"text": piece}])) for piece in _pieces(reply.text)]
    events.append(("", answer(calls or [{"text": ""}], finishReason="STOP")))
    return answer([*said, *calls], finishReason="STOP"), events
