"""A server behind `Chat`: answers in order, trouble that passes or is said, and words that stay home."""

import base64
import json
import logging
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO

import pytest
from PIL import Image

from doctorsun.cli.main import main
from doctorsun.core.chat import Chat, Request
from doctorsun.core.errors import ConfigError, DoctorSunError, ModelError, RecordError
from doctorsun.core.schema import Message, Part
from doctorsun.core.strings import use_language
from doctorsun.engines.address import is_local, is_url, read_address
from doctorsun.engines.http import HttpChat, HttpSettings
from doctorsun.engines.open import model_folder, open_any
from doctorsun.engines.pace import Pace, pause_s, retry_after_s
from tests.engines.served import serving, words

KEY = "sk-" + "k" * 20


def ask(text, *, images=(), most=64):
    parts = (*(Part("image") for _ in images), Part("text", text))
    return Request((Message("user", parts),), tuple(images), max_new_tokens=most)


def picture(kind):
    file = BytesIO()
    Image.new("RGB", (8, 6), (20, 90, 160)).save(file, kind)
    return file.getvalue()


def chat(served, *, key=None, **settings):
    """A chat whose pauses take no time."""
    return HttpChat(served.url, HttpSettings(**settings), key=key, sleep=lambda seconds: None)


def test_it_is_a_chat_named_by_the_only_model_of_the_server():
    with serving() as served:
        found = chat(served)
    assert isinstance(found, Chat)
    assert found.name == "tiny"


def test_many_answers_come_in_the_order_of_their_questions_from_many_workers():
    gate = threading.Barrier(4, timeout=20)

    def trouble(number, asked):
        if number < 4:
            gate.wait()
        return ("slow", 0.02) if number % 5 == 0 else None

    with serving(trouble=trouble) as served:
        replies = list(chat(served, workers=4).answer([ask(f"q{at}") for at in range(60)]))
    assert [reply.text for reply in replies] == [f"heard: q{at}" for at in range(60)]
    assert served.busiest == 4


def test_the_pieces_of_a_stream_are_the_answer_whatever_the_network_cuts():
    with serving(answer=lambda asked: "左肺未见结节。\u2028 No nodule.") as served:
        pieces = [piece.text for piece in chat(served).stream(ask("?"))]
    assert len(pieces) > 3
    assert "".join(pieces) == "左肺未见结节。\u2028 No nodule."


def test_logprobs_are_told_where_they_are_asked_for_and_given():
    with serving() as served:
        told = next(chat(served, logprobs=True).answer([ask("a")]))
        silent = next(chat(served).answer([ask("a")]))
    assert told.logprobs == (-0.5,) * len(told.text)
    assert told.tokens == len(told.text)
    assert silent.logprobs is None


def test_an_answer_cut_at_its_room_says_so():
    with serving(answer=lambda asked: "x" * 100) as served:
        assert next(chat(served).answer([ask("a", most=2)])).stopped is False


@pytest.mark.parametrize(
    ("kind", "mime"), [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp"), ("TIFF", "png"), ("BMP", "png")]
)
def test_a_picture_travels_inside_the_question(kind, mime):
    with serving() as served:
        list(chat(served).answer([ask("what?", images=[picture(kind)])]))
    part = served.asked[0]["messages"][0]["content"][0]
    head, _, data = part["image_url"]["url"].partition(",")
    assert head == f"data:image/{mime};base64"
    with Image.open(BytesIO(base64.b64decode(data))) as image:
        assert image.size == (8, 6)


def test_questions_are_asked_greedily_with_their_room():
    with serving() as served:
        list(chat(served).answer([ask("a", most=7)]))
    assert served.asked[0]["temperature"] == 0
    assert served.asked[0]["max_tokens"] == 7


@pytest.mark.parametrize(
    "trouble", [429, 500, 503, "drop", "cut", "garbage", ("after", 429, "0"), ("after", 503, "x")]
)
def test_trouble_that_passes_is_tried_again(trouble):
    with serving(trouble=lambda number, asked: trouble if number < 2 else None) as served:
        assert next(chat(served).answer([ask("a")])).text == "heard: a"
        assert len(served.asked) == 3


@pytest.mark.parametrize("trouble", [429, "drop"])
def test_a_stream_that_never_began_is_tried_again(trouble):
    with serving(trouble=lambda number, asked: trouble if number < 1 else None) as served:
        assert "".join(piece.text for piece in chat(served).stream(ask("a"))) == "heard: a"


def test_a_stream_that_breaks_off_says_so_after_what_came():
    with serving(trouble=lambda number, asked: "cut") as served:
        pieces = chat(served).stream(ask("a"))
        assert next(pieces).text == "hea"
        with pytest.raises(ModelError) as error:
            list(pieces)
    assert error.value.key == "engines.cut_stream"
    assert len(served.asked) == 1


@pytest.mark.parametrize(
    ("trouble", "key"),
    [
        (429, "engines.busy"),
        (503, "engines.busy"),
        ("drop", "engines.broken_connection"),
        (("after", 429, "9000"), "engines.long_pause"),
        ("garbage", "engines.bad_reply"),
        ("empty", "engines.bad_reply"),
        (("huge", 2 * 2**20), "engines.long_reply"),
        (("slow", 1.0), "engines.timeout"),
        (("location", "http://127.0.0.1:9/"), "engines.redirect"),
        (403, "engines.key_refused"),
        (404, "engines.not_there"),
        (418, "engines.bad_status"),
    ],
    ids=str,
)
def test_trouble_that_stays_is_said_in_both_languages(trouble, key):
    with serving(trouble=lambda number, asked: trouble) as served:
        asked = chat(served, retries=1, max_reply_mib=1, timeout_s=0.3)
        with pytest.raises(ModelError) as error:
            list(asked.answer([ask("secret words")]))
    assert error.value.key == key
    for lang in ("zh", "en"):
        use_language(lang)
        assert served.url in str(error.value)
        assert "secret words" not in str(error.value)
    use_language("en")


def test_a_question_that_is_refused_is_a_record_error_with_the_code_and_not_the_words():
    trouble = ("error", 400, "context_length_exceeded")
    with serving(trouble=lambda number, asked: trouble) as served, pytest.raises(RecordError) as error:
        list(chat(served).answer([ask("secret words")]))
    assert "context_length_exceeded" in str(error.value)
    assert "secret words" not in str(error.value)


def test_the_key_is_sent_and_stands_nowhere_else(caplog):
    caplog.set_level(logging.DEBUG)
    with serving(key=KEY, trouble=lambda number, asked: ("error", 400, KEY)) as served:
        open_one = chat(served, key=KEY)
        with pytest.raises(RecordError) as refused:
            list(open_one.answer([ask("a")]))
        with pytest.raises(ModelError) as wrong:
            chat(served, key=KEY + "x")
    assert served.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert wrong.value.key == "engines.key_refused"
    said = f"{refused.value} {refused.value!r} {wrong.value} {wrong.value!r} {open_one!r} {caplog.text}"
    assert KEY not in said
    assert refused.value.__cause__ is None


def test_the_key_may_lie_in_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n", encoding="utf-8")
    with serving(key=KEY) as served:
        assert chat(served, key_file=file).name == "tiny"
        file.write_text("two words", encoding="utf-8")
        with pytest.raises(ConfigError):
            chat(served, key_file=file)


def test_a_model_that_is_not_there_is_answered_with_the_list():
    with serving(models=("qwen3-8b", "qwen3-32b")) as served:
        with pytest.raises(ModelError) as several:
            chat(served)
        with pytest.raises(ModelError) as unknown:
            chat(served, model="qwen3-8")
        assert chat(served, model="qwen3-32b").name == "qwen3-32b"
    assert "qwen3-8b, qwen3-32b" in str(several.value)
    assert unknown.value.values["near"] == "qwen3-8b"


def test_an_address_where_nothing_listens_says_so():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
    with pytest.raises(ModelError) as error:
        HttpChat(url, HttpSettings(retries=1), sleep=lambda seconds: None)
    assert error.value.key == "engines.no_connection"


@pytest.mark.parametrize(
    "url",
    ["http://", "ftp://localhost", "http://a b/", "http://localhost:99999", "http://h:0/", "http://[::1/v1"],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ModelError) as error:
        read_address(url)
    assert error.value.key == "engines.bad_url"


def test_a_key_in_the_address_is_refused_and_not_repeated():
    for url in (f"http://user:{KEY}@localhost/v1", f"http://localhost/v1?key={KEY}"):
        with pytest.raises(ModelError) as error:
            read_address(url)
        assert KEY not in str(error.value)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("https://h.example/api/paas/v4", "https://h.example/api/paas/v4"),
        ("http://10.0.0.7/v1/chat/completions", "http://10.0.0.7/v1"),
    ],
)
def test_an_address_is_read_as_people_write_it(url, base):
    assert read_address(url).base == base


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", True),
        ("10.1.2.3", True),
        ("172.20.0.1", True),
        ("192.168.3.4", True),
        ("fd00::1", True),
        ("8.8.8.8", False),
        ("172.32.0.1", False),
        ("169.254.169.254", False),
        ("::ffff:8.8.8.8", False),
        ("2001:4860:4860::8888", False),
    ],
)
def test_what_is_local(host, local):
    assert is_local(host) is local


def test_a_remote_server_has_to_be_wished_for_and_is_never_reached_in_the_clear():
    with pytest.raises(ModelError) as unasked:
        HttpChat("https://8.8.8.8/v1")
    with pytest.raises(ModelError) as clear:
        HttpChat("http://8.8.8.8/v1", HttpSettings(remote=True))
    assert unasked.value.key == "engines.remote"
    assert clear.value.key == "engines.clear_remote"


def test_a_name_is_local_only_if_all_its_addresses_are(monkeypatch):
    def looked_up(host, *_args, **_kwargs):
        found = {"inside": ["10.0.0.1"], "both": ["10.0.0.1", "8.8.8.8"]}[host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    assert is_local("inside")
    assert not is_local("both")


def test_the_proxies_of_the_environment_are_not_used(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving() as served:
        assert next(chat(served).answer([ask("a")])).text == "heard: a"


def test_requests_keep_their_pace_and_wait_when_the_server_asks():
    clock = [0.0]
    slept = []

    def sleep(seconds):
        slept.append(round(seconds, 6))
        clock[0] += seconds

    pace = Pace(per_minute=30, now=lambda: clock[0], sleep=sleep)
    for _ in range(3):
        pace.wait()
    pace.hold(10)
    pace.wait()
    assert slept == [2.0, 2.0, 10.0]


def test_a_pause_is_what_the_server_told_else_it_doubles_to_a_limit():
    assert [pause_s(attempt, None) for attempt in (0, 1, 2, 20)] == [0.5, 1.0, 2.0, 30.0]
    assert pause_s(0, 7.0) == 7.0


def test_retry_after_is_read_as_seconds_or_as_a_date():
    soon = datetime.now(UTC) + timedelta(seconds=40)
    assert retry_after_s("3") == 3.0
    assert 30 < (retry_after_s(format_datetime(soon, usegmt=True)) or 0) <= 40
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert [retry_after_s(text) for text in (None, "", "soon", "-3")] == [None] * 4


def test_images_without_a_place_are_refused():
    with serving() as served, pytest.raises(RecordError) as error:
        list(chat(served).answer([Request(ask("a").messages, (picture("PNG"),))]))
    assert error.value.key == "engines.image_count"


def test_the_command_asks_a_server_by_its_url_and_the_key_of_the_environment(monkeypatch, capsys):
    monkeypatch.setenv("SUN_API_KEY", KEY)
    with serving(key=KEY, models=("a", "b")) as served:
        assert main(["ask", f"{served.url}#b", "which side?"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"] == "heard: which side?"
    assert served.asked[0]["model"] == "b"
    assert main(["ask", "https://8.8.8.8/v1", "which side?"]) == 2
    assert "remote" in capsys.readouterr().err


def test_a_url_is_opened_as_a_server_and_is_no_folder():
    with serving() as served:
        found = open_any(served.url)
        assert words({"messages": [{"content": next(found.answer([ask("b")])).text}]}) == "heard: b"
    assert is_url("http://localhost") and not is_url("runs/mini")
    with pytest.raises(DoctorSunError):
        model_folder("http://localhost")
