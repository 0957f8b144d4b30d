"""A local server that speaks OpenAI's chat completions and Ollama's chat over real HTTP; a script says what it does.

The script gets what was asked and gives the answer's text, or a ``Reply`` where more than the text is to be odd.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kb.config import LlmTable
from kb.llm import Patience, language_model
from kb.protocols import LanguageModel

QUICK = Patience(connect=2.0, first_wait=0.01, longest_wait=0.2, rest=30.0)
KEY = "sk-test-0123456789abcdefghij"


@dataclass(frozen=True)
class Asked:
    """A request: ``number`` counts from 0; ``schema`` is the JSON schema that the answer should follow, or None."""

    number: int
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def system(self) -> str:
        return self._said("system")

    @property
    def prompt(self) -> str:
        return self._said("user")

    @property
    def schema(self) -> Mapping[str, Any] | None:
        if self.path.endswith("/api/chat"):
            return self.body.get("format")
        return self.body.get("response_format", {}).get("json_schema", {}).get("schema")

    def _said(self, role: str) -> str:
        return "\n".join(message["content"] for message in self.body["messages"] if message["role"] == role)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer. ``body``: sent instead of a completion. ``wait``: seconds before it. ``pause``: seconds between two bytes.

    ``end``: "whole", "hang" (nothing ever comes), "drip" (a header after the other, for ever), "cut" (the connection breaks in
    the middle, or after the last frame), "close" (without a byte).

    Where a stream was asked for, ``frames`` are sent instead of those of the text, one after the other: bytes as they are, a
    number as so many seconds of silence. ``streams`` False: it is answered whole all the same.
    """

    text: str | None = ""
    finish: str = "stop"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    body: bytes | None = None
    usage: Any = None
    wait: float = 0.0
    pause: float = 0.0
    end: str = "whole"
    frames: Sequence[bytes | float] | None = None
    streams: bool = True


Script = Callable[[Asked], "str | Reply"]


class LlmServer:
    """The server; ``asked`` are the requests so far. ``pages`` are what it answers to GET, and to what is no chat, by path.

    ``left`` is set once somebody has gone away before a stream was at its end.
    """

    def __init__(self, script: Script, pages: Mapping[str, Reply] | None = None) -> None:
        self.script = script
        self.pages = pages or {}
        self.asked: list[Asked] = []
        self.over = threading.Event()
        self.left = threading.Event()
        self._mutex = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def take(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Asked:
        with self._mutex:
            self.asked.append(Asked(len(self.asked), path, headers, body))
            return self.asked[-1]


@contextlib.contextmanager
def serving(script: Script, pages: Mapping[str, Reply] | None = None) -> Iterator[LlmServer]:
    server = LlmServer(script, pages)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def table(server: LlmServer | str, *, provider: str = "openai-like", seconds: float = 5.0, **more: Any) -> LlmTable:
    """``[llm]`` for a server; a timeout shorter than a minute is only for tests."""
    url = server if isinstance(server, str) else server.url + ("/v1" if provider == "openai-like" else "")
    made = LlmTable(provider=provider, base_url=url, model="tiny", **more)  # type: ignore[arg-type]
    return made.model_copy(update={"timeout": timedelta(seconds=seconds)})


def model(server: LlmServer | str, *, patience: Patience = QUICK, key: str = "", **more: Any) -> LanguageModel:
    """The adapter for a server, with short waits."""
    variable = {"api_key_env": "TINY_KEY"} if key else {}
    made = language_model(table(server, **variable, **more), environment={"TINY_KEY": key}, patience=patience)
    assert made is not None
    return made


def told(*sentences: tuple[str, str] | tuple[str, str, str]) -> str:
    """An answer as the model should give it: (text, key) or (text, keys, role) each."""
    rows = [
        {"text": one[0], "citations": one[1].split(), "role": one[2] if len(one) > 2 else "what"}  # type: ignore[misc]
        for one in sentences
    ]
    return json.dumps({"sentences": rows}, ensure_ascii=False)


# --- the protocols -----------------------------------------------------------------------------------------------------------


def _handler(server: LlmServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._take({})

        def do_POST(self) -> None:
            self._take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _take(self, body: Mapping[str, Any]) -> None:
            asked = server.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            chats = self.path.endswith(("/chat/completions", "/api/chat"))
            said = server.script(asked) if chats else server.pages.get(self.path, Reply(status=404, body=b"{}"))
            reply = Reply(text=said) if isinstance(said, str) else said
            with contextlib.suppress(ConnectionError):
                self._answer(asked, reply)

        def _answer(self, asked: Asked, reply: Reply) -> None:
            self.close_connection = True
            server.over.wait(reply.wait if reply.end != "hang" else 60.0)
            if reply.end in ("hang", "close"):
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if reply.end == "drip":
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while not server.over.wait(reply.pause):
                    self.wfile.write(b"X-More: x\r\n")
                return
            if asked.body.get("stream") and reply.streams and reply.body is None and reply.status == 200:
                self._stream(asked, reply)
                return
            body = reply.body if reply.body is not None else _body(asked, reply)
            self.send_response(reply.status)
            for name, value in {"Content-Type": reply.kind, "Content-Length": str(len(body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self._send(body, reply)

        def _send(self, body: bytes, reply: Reply) -> None:
            end = len(body) // 2 if reply.end == "cut" else len(body)
            step = 1 if reply.pause else 65536
            for at in range(0, end, step):
                self.wfile.write(body[at : min(at + step, end)])
                if reply.pause:
                    self.wfile.flush()
                    if server.over.wait(reply.pause):
                        return

        def _stream(self, asked: Asked, reply: Reply) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream" if "/v1" in asked.path else "application/x-ndjson")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for frame in frames(asked, reply) if reply.frames is None else reply.frames:
                    if server.over.wait(frame if isinstance(frame, float) else reply.pause):
                        return
                    if isinstance(frame, bytes):
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(frame), frame))
                if reply.end != "cut":
                    self.wfile.write(b"0\r\n\r\n")
            except ConnectionError:
                server.left.set()

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


def _body(asked: Asked, reply: Reply) -> bytes:
    return json.dumps(_openai(asked, reply) if "/v1" in asked.path else _ollama(asked, reply)).encode()


def frames(asked: Asked, reply: Reply) -> list[bytes]:
    """The frames of a stream that says the reply's text, some letters at a time."""
    return _openai_frames(asked, reply) if "/v1" in asked.path else _ollama_frames(asked, reply)


def _usage(asked: Asked, reply: Reply) -> Any:
    if reply.usage is not None:
        return reply.usage
    prompt, answer = len(asked.system + asked.prompt) // 4, len(reply.text or "") // 4
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _openai(asked: Asked, reply: Reply) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": reply.finish, "message": {"role": "assistant", "content": reply.text}}
    return {
        "id": f"chatcmpl-{asked.number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": asked.body["model"],
        "choices": [choice],
        "usage": _usage(asked, reply),
    }


def event(value: Any) -> bytes:
    """A server-sent event."""
    return f"data: {json.dumps(value)}\n\n".encode()


def _openai_frames(asked: Asked, reply: Reply) -> list[bytes]:
    whole = _openai(asked, reply)
    frame = {key: whole[key] for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    text = reply.text or ""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    deltas += [{"content": text[at : at + 8]} for at in range(0, len(text), 8)]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": reply.finish})
    said = [event({**frame, "choices": [choice]}) for choice in choices]
    if asked.body.get("stream_options", {}).get("include_usage"):
        said.append(event({**frame, "choices": [], "usage": whole["usage"]}))
    return [*said, b"data: [DONE]\n\n"]


def _ollama(asked: Asked, reply: Reply) -> dict[str, Any]:
    usage = _usage(asked, reply)
    return {
        "model": asked.body["model"],
        "created_at": "2026-02-01T00:00:00Z",
        "message": {"role": "assistant", "content": reply.text},
        "done": True,
        "done_reason": reply.finish,
        "prompt_eval_count": usage["prompt_tokens"],
        "eval_count": usage["completion_tokens"],
    }


def _ollama_frames(asked: Asked, reply: Reply) -> list[bytes]:
    whole = _ollama(asked, reply)
    text = reply.text or ""
    said = [
        {"model": whole["model"], "message": {"role": "assistant", "content": text[at : at + 8]}, "done": False}
        for at in range(0, len(text), 8)
    ]
    last = {**whole, "message": {"role": "assistant", "content": ""}}
    return [json.dumps(one).encode() + b"\n" for one in [*said, last]]
