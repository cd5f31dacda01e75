"""A server on the loopback that speaks OpenAI's chat completions, and misbehaves on order."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[dict[str, Any]], str]


@dataclass
class Served:
    """What a server does and what it was asked; `trouble` says what goes wrong with the call of a number.

    Troubles: a status; "drop" (no reply), "cut" (the body ends early), "garbage" (no JSON), "empty" (no
    choices), ("after", status, header), ("slow", seconds), ("error", status, code), ("huge", bytes),
    ("location", address).
    """

    answer: Answer = lambda asked: f"heard: {words(asked)}"
    models: tuple[str, ...] = ("tiny",)
    trouble: Callable[[int, dict[str, Any]], Any] = lambda number, asked: None
    key: str | None = None
    logprobs: bool = True
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    busiest: int = 0
    url: str = ""
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, tree: dict[str, Any], headers: dict[str, str]) -> int:
        with self._lock:
            self.asked.append(tree)
            self.headers.append(headers)
            self._now += 1
            self.busiest = max(self.busiest, self._now)
            return len(self.asked) - 1

    def end(self) -> None:
        with self._lock:
            self._now -= 1


def words(asked: dict[str, Any]) -> str:
    """The text of the last turn."""
    content = asked["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


@contextmanager
def serving(**said):
    """A running server; it is gone when the block ends."""
    served = Served(**said)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": served}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served

    def log_message(self, *_args):
        pass

    def do_GET(self):
        if self._locked():
            return
        if self.path != "/v1/models":
            self._send(404, {"error": {"message": "no such page", "code": "not_found"}})
            return
        self._send(200, {"object": "list", "data": [{"id": name} for name in self.served.models]})

    def do_POST(self):
        tree = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._locked():
            return
        number = self.served.begin(tree, dict(self.headers))
        try:
            trouble = self.served.trouble(number, tree)
            if trouble is None or not self._misbehave(trouble, tree):
                self._stream(tree) if tree["stream"] else self._whole(tree)
        finally:
            self.served.end()

    def _locked(self):
        if self.served.key and self.headers.get("Authorization") != f"Bearer {self.served.key}":
            self._send(401, {"error": {"message": f"wrong key {self.headers.get('Authorization')}"}})
            return True
        return False

    def _misbehave(self, trouble, tree):
        """Go wrong; false where the answer comes all the same."""
        kind, *rest = trouble if isinstance(trouble, tuple) else (trouble,)
        if kind == "slow":
            time.sleep(rest[0])
            return False
        if isinstance(kind, int):
            self._send(kind, {"error": {"message": words(tree)}})
        elif kind == "cut" and tree["stream"]:
            self._stream(tree, cut=True)
        elif kind in ACTS:
            ACTS[kind](self, words(tree), *rest)
        else:
            self.close_connection = True
        return True

    def _whole(self, tree):
        text = self.served.answer(tree)
        choice: dict[str, Any] = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        if len(text) > tree["max_tokens"] * 20:
            choice["finish_reason"] = "length"
        if tree.get("logprobs") and self.served.logprobs:
            choice["logprobs"] = {"content": [{"token": char, "logprob": -0.5} for char in text]}
        asked = sum(len(str(turn["content"])) for turn in tree["messages"]) // 2
        usage = {"prompt_tokens": asked, "completion_tokens": len(text)}
        self._send(200, {"choices": [choice], "usage": usage})

    def _stream(self, tree, *, cut=False):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b": a comment\n\n")
        text = self.served.answer(tree)
        for at in range(0, len(text) // 2 if cut else len(text), 3):
            choice = {"delta": {"content": text[at : at + 3]}, "finish_reason": None}
            self._event({"choices": [choice]})
        self.close_connection = True
        if not cut:
            self._event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
            self._event({"choices": [], "usage": {"completion_tokens": len(text)}})
            self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, tree):
        line = f"data: {json.dumps(tree, ensure_ascii=False)}\n\n".encode()
        half = len(line) // 2
        self.wfile.write(line[:half])
        self.wfile.flush()
        self.wfile.write(line[half:])

    def _send(self, status, tree, headers=None):
        self._raw(status, json.dumps(tree).encode(), headers=headers)

    def _raw(self, status, raw, *, claimed=None, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(claimed or len(raw)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)
        self.close_connection = claimed is not None


ACTS = {
    "after": lambda handler, _, status, header: handler._send(status, {}, {"Retry-After": header}),
    "error": lambda handler, said, status, code: handler._send(
        status, {"error": {"message": said, "code": code}}
    ),
    "garbage": lambda handler, _: handler._raw(200, b"<html>{not json"),
    "empty": lambda handler, _: handler._send(200, {"choices": []}),
    "huge": lambda handler, _, size: handler._raw(200, b" " * size),
    "location": lambda handler, _, to: handler._send(302, {}, {"Location": to}),
    "cut": lambda handler, _: handler._raw(200, b'{"choices": [', claimed=500),
}
