"""Requests and replies as OpenAI's chat completions write them: JSON, and server-sent events."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

from doctorsun.core.chat import Piece, Reply, Request
from doctorsun.core.errors import ModelError, RecordError

_SIGNS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)
Tree = dict[str, Any]


def body(request: Request, *, model: str, stream: bool, logprobs: bool) -> Tree:
    """The JSON of one question, asked greedily; RecordError unless each image has its place.

    Pictures travel inside, as `data:` URIs: the server fetches nothing.
    """
    images = iter(request.images)
    places = sum(part.type == "image" for turn in request.messages for part in turn.content)
    if places != len(request.images):
        raise RecordError("engines.image_count", where=model, found=places, expected=len(request.images))
    turns: list[Tree] = []
    for turn in request.messages:
        content: str | list[Tree] = turn.text
        if any(part.type == "image" for part in turn.content):
            content = [
                _picture(next(images)) if part.type == "image" else {"type": "text", "text": part.text or ""}
                for part in turn.content
            ]
        turns.append({"role": turn.role, "content": content})
    asked: Tree = {
        "model": model,
        "messages": turns,
        "max_tokens": request.max_new_tokens,
        "temperature": 0,
        "stream": stream,
    }
    return asked | ({"logprobs": True} if logprobs else {})


def reply(tree: object, *, where: str) -> Reply:
    """The answer in a whole response; ModelError where it is not of the agreed shape."""
    choice = _first(tree, where)
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else None
    if text is None and isinstance(message, dict):
        text = ""
    if not isinstance(text, str):
        raise ModelError("engines.bad_reply", where=where)
    told = _logprobs(choice)
    usage = tree.get("usage") if isinstance(tree, dict) else None
    counted = usage.get("completion_tokens") if isinstance(usage, dict) else None
    tokens = counted if isinstance(counted, int) else len(told)
    return Reply(text, tokens, choice.get("finish_reason") != "length", tuple(told) or None)


def pieces(lines: Iterable[str], *, where: str) -> Iterator[Piece]:
    """The pieces in a stream of server-sent events; ModelError where it breaks off or is of another shape."""
    ended = False
    for line in lines:
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            return
        try:
            tree = json.loads(data)
        except ValueError:
            raise ModelError("engines.bad_reply", where=where) from None
        if isinstance(tree, dict) and tree.get("choices") == []:
            continue
        choice = _first(tree, where)
        delta = choice.get("delta")
        text = delta.get("content") if isinstance(delta, dict) else None
        if isinstance(text, str) and text:
            told = _logprobs(choice)
            yield Piece(text, sum(told) if told else None)
        ended = ended or choice.get("finish_reason") is not None
    if not ended:
        raise ModelError("engines.cut_stream", where=where)


def models(tree: object) -> list[str]:
    """The names in the response of `/models`, in their order; none where it has another shape."""
    rows = tree.get("data") if isinstance(tree, dict) else None
    return [row["id"] for row in _dicts(rows) if isinstance(row.get("id"), str)]


def fault(raw: bytes, secret: str | None) -> str:
    """The short code of an error response; never its sentence, which may quote the question or the key."""
    try:
        tree = json.loads(raw)
    except ValueError:
        return "-"
    error = tree.get("error", tree) if isinstance(tree, dict) else None
    told = [error.get(name) for name in ("code", "type")] if isinstance(error, dict) else []
    for code in told:
        if isinstance(code, str) and code.isascii() and len(code) <= 60 and code.replace("_", "").isalnum():
            return "-" if secret and secret in code else code
    return "-"


def _picture(raw: bytes) -> Tree:
    kind = next((kind for sign, kind in _SIGNS if raw.startswith(sign)), None)
    if kind is None:
        raw, kind = _as_png(raw), "image/png"
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{base64.b64encode(raw).decode()}"}}


def _as_png(raw: bytes) -> bytes:
    """A picture of a kind that servers seldom read (TIFF, BMP) as PNG."""
    file = BytesIO()
    try:
        with Image.open(BytesIO(raw), formats=("TIFF", "BMP")) as image:
            image.convert("RGB").save(file, "PNG")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise RecordError("engines.no_picture", found=len(raw)) from None
    return file.getvalue()


def _first(tree: object, where: str) -> Mapping[str, Any]:
    choices = _dicts(tree.get("choices")) if isinstance(tree, dict) else []
    if not choices:
        raise ModelError("engines.bad_reply", where=where)
    return choices[0]


def _logprobs(choice: Mapping[str, Any]) -> list[float]:
    held = choice.get("logprobs")
    rows = _dicts(held.get("content")) if isinstance(held, dict) else []
    return [float(row["logprob"]) for row in rows if isinstance(row.get("logprob"), int | float)]


def _dicts(rows: object) -> Sequence[Tree]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
