"""A server behind `Chat`: anything that speaks OpenAI's chat completions (vLLM, SGLang, Ollama, our own).

It is asked by many threads at once, answers keep their order, and what fails for a moment is tried again.
The proxies of the environment are not used and redirects are not followed: words go to the address that was
typed or nowhere. The key stands in no error.
"""

import json
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from doctorsun.core.chat import Piece, Reply, Request
from doctorsun.core.config import Config
from doctorsun.core.errors import ConfigError, MissingExtra, ModelError, RecordError
from doctorsun.core.plugins import near
from doctorsun.engines import wire
from doctorsun.engines.address import check_reach, read_address
from doctorsun.engines.pace import Pace, pause_s, retry_after_s

if TYPE_CHECKING:
    import httpx

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_OURS = frozenset({400, 413, 415, 422})
_WINDOW, _FIRST = 4, 1


class HttpSettings(Config):
    """How a server is asked.

    `model` may be left out where the server has one only. A `remote` server (not of this machine or a private
    network) has to be wished for, and is reached by https. `timeout_s` holds for a whole answer, in a stream
    for the wait between two pieces. `retries` come after the first attempt; `longest_pause_s` is the longest
    Retry-After that is waited for. `key_file` holds the key; `ca_file` the certificates of a hospital's own
    authority. `extra` holds fields that are sent with each question.
    """

    model: str | None = None
    remote: bool = False
    workers: int = Field(default=8, ge=1, le=256)
    per_minute: float | None = Field(default=None, gt=0)
    timeout_s: float = Field(default=300.0, gt=0)
    connect_s: float = Field(default=10.0, gt=0)
    retries: int = Field(default=5, ge=0, le=20)
    longest_pause_s: float = Field(default=120.0, ge=0)
    max_reply_mib: int = Field(default=16, ge=1)
    logprobs: bool = False
    key_file: Path | None = None
    ca_file: Path | None = None
    extra: dict[str, Any] = {}


def read_key(path: Path) -> str:
    """The key in the first line of a file; ConfigError where there is none."""
    try:
        words = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        words = []
    if len(words) != 1 or not words[0].isascii():
        raise ConfigError("engines.no_key", where=path)
    return words[0]


class HttpChat:
    """The model of a server, answering greedily; `name` is the model's name there.

    ModelError where the server cannot be used at all, RecordError where it refuses one question.
    """

    def __init__(
        self,
        url: str,
        settings: HttpSettings | None = None,
        *,
        key: str | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.settings = settings or HttpSettings()
        self.address = read_address(url)
        check_reach(self.address, remote=self.settings.remote)
        self._key = key or (read_key(self.settings.key_file) if self.settings.key_file else None)
        self._pace = Pace(self.settings.per_minute, sleep=sleep)
        self._client = _client(self.settings, self._key)
        self.name = self._model()

    def __repr__(self) -> str:
        return f"HttpChat({self.address.base!r}, model={self.name!r})"

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """The answers in the order of the questions; `workers` are under way at a time."""
        waiting: deque[Future[Reply]] = deque()
        pool = ThreadPoolExecutor(self.settings.workers, thread_name_prefix="ask")
        try:
            for request in requests:
                waiting.append(pool.submit(self._one, request))
                if len(waiting) >= self.settings.workers * _WINDOW:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def stream(self, request: Request) -> Iterator[Piece]:
        """The pieces of one answer as they come; what fails before the first is tried again."""
        content = self._body(request, stream=True)
        for attempt in range(self.settings.retries + 1):
            begun = False
            try:
                with self._sent("POST", "/chat/completions", content) as response:
                    self._refuse(response)
                    for piece in wire.pieces(self._lines(response), where=self.address.base):
                        begun = True
                        yield piece
                return
            except _Again as again:
                if begun:
                    raise ModelError("engines.cut_stream", where=self.address.base) from None
                self._pause(attempt, again, self.settings.retries)

    def _one(self, request: Request) -> Reply:
        body, retries = self._body(request, stream=False), self.settings.retries
        tree = self._call("POST", "/chat/completions", body, retries=retries)
        return wire.reply(tree, where=self.address.base)

    def _body(self, request: Request, *, stream: bool) -> bytes:
        tree = wire.body(request, model=self.name, stream=stream, logprobs=self.settings.logprobs)
        tree |= self.settings.extra
        return json.dumps(tree, ensure_ascii=False).encode("utf-8", "replace")

    def _model(self) -> str:
        """The model that is asked: the one wished for, else the only one there.

        A server that is not there is told soon: only later is it worth long waits.
        """
        wished = self.settings.model
        try:
            known = wire.models(self._call("GET", "/models", retries=min(self.settings.retries, _FIRST)))
        except ModelError as error:
            if wished is None or error.key not in {"engines.not_there", "engines.bad_reply"}:
                raise
            return wished
        if wished in known or (wished and not known):
            return wished
        if wished is None and len(known) == 1:
            return known[0]
        shown = ", ".join(known[:20]) or "-"
        if wished is None:
            raise ModelError("engines.which_model", where=self.address.base, known=shown)
        close = near(wished, known)
        raise ModelError("engines.no_such_model", where=wished, near=close, known=shown)

    def _call(self, method: str, path: str, content: bytes | None = None, *, retries: int) -> object:
        """The JSON of a good response, tried again where that can help."""
        for attempt in range(retries + 1):
            try:
                with self._sent(method, path, content) as response:
                    self._refuse(response)
                    return _tree(self._read(response, time.monotonic() + self.settings.timeout_s))
            except _Again as again:
                self._pause(attempt, again, retries)
        raise AssertionError("the last pause raises")

    @contextmanager
    def _sent(self, method: str, path: str, content: bytes | None) -> Iterator["httpx.Response"]:
        """A response whose body is not read yet; what the network does wrong is an _Again or a ModelError."""
        import httpx

        self._pace.wait()
        try:
            with self._client.stream(method, self.address.base + path, content=content) as response:
                yield response
        except httpx.ConnectTimeout:
            raise _Again("engines.no_connection") from None
        except httpx.TimeoutException:
            raise _Again("engines.timeout") from None
        except httpx.ConnectError as error:
            if isinstance(error.__context__, ssl.SSLError) or "CERTIFICATE" in str(error):
                raise ModelError("engines.bad_certificate", where=self.address.host) from None
            raise _Again("engines.no_connection") from None
        except (httpx.TransportError, httpx.StreamError, httpx.DecodingError):
            raise _Again("engines.broken_connection") from None

    def _refuse(self, response: "httpx.Response") -> None:
        """Raise what a status says: to try again, that the question is at fault, or that the server is."""
        status = response.status_code
        if status == 200:
            return
        where = self.address.base
        if status in _AGAIN:
            raise _Again("engines.busy", status, retry_after_s(response.headers.get("retry-after")))
        code = wire.fault(self._read(response, time.monotonic() + self.settings.connect_s), self._key)
        if status in {401, 403}:
            raise ModelError("engines.key_refused", where=where, status=status)
        if 300 <= status < 400:
            raise ModelError("engines.redirect", where=where, status=status)
        if status in _OURS:
            raise RecordError("engines.question_refused", where=where, status=status, code=code)
        if status == 404:
            raise ModelError("engines.not_there", where=where, code=code)
        raise ModelError("engines.bad_status", where=where, status=status, code=code)

    def _pause(self, attempt: int, again: "_Again", retries: int) -> None:
        """Wait before the next attempt; ModelError where it was the last, or the server asks for too long."""
        where, wait_s = self.address.base, pause_s(attempt, again.told_s)
        if wait_s > self.settings.longest_pause_s:
            raise ModelError("engines.long_pause", where=where, seconds=round(wait_s)) from None
        if attempt >= retries:
            values = {"where": where, "attempts": attempt + 1, "status": again.status}
            raise ModelError(again.key, **values, seconds=round(self.settings.timeout_s)) from None
        self._pace.hold(wait_s)

    def _read(self, response: "httpx.Response", until_s: float) -> bytes:
        return b"".join(self._chunks(response, until_s))

    def _chunks(self, response: "httpx.Response", until_s: float | None) -> Iterator[bytes]:
        """The bytes of a body, up to the limits of size and time."""
        size, most = 0, self.settings.max_reply_mib * 2**20
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > most:
                raise ModelError("engines.long_reply", where=self.address.base, limit=most // 2**20)
            if until_s is not None and time.monotonic() > until_s:
                raise _Again("engines.timeout")
            yield chunk

    def _lines(self, response: "httpx.Response") -> Iterator[str]:
        """The lines of a stream; only line feeds end one, as an answer may hold other ends of lines."""
        held = b""
        for chunk in self._chunks(response, None):
            *whole, held = (held + chunk).split(b"\n")
            yield from (line.decode("utf-8", "replace").rstrip("\r") for line in whole)
        if held:
            yield held.decode("utf-8", "replace")


class _Again(Exception):
    """What may go well the next time: the key of its sentence, the status, and the pause the server told."""

    def __init__(self, key: str, status: int = 0, told_s: float | None = None) -> None:
        super().__init__(key)
        self.key, self.status, self.told_s = key, status, told_s


def _client(settings: HttpSettings, key: str | None) -> "httpx.Client":
    try:
        import httpx
    except ImportError:
        raise MissingExtra("http", "translate") from None
    headers = {"Content-Type": "application/json", "User-Agent": "doctorsun"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    verify: ssl.SSLContext | bool = True
    if settings.ca_file is not None:
        try:
            verify = ssl.create_default_context(cafile=str(settings.ca_file))
        except (OSError, ssl.SSLError):
            raise ConfigError("engines.no_certificates", where=settings.ca_file) from None
    return httpx.Client(
        headers=headers,
        verify=verify,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(settings.timeout_s, connect=settings.connect_s),
        limits=httpx.Limits(max_connections=settings.workers + 1),
    )


def _tree(raw: bytes) -> object:
    """The JSON of a body; a proxy's page that says "later" with status 200 is tried again."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise _Again("engines.bad_reply") from None
