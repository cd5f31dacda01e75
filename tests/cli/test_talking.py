"""`sun ask` and `sun chat` with a model that only says what it was asked."""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from doctorsun.cli.conversation import Conversation
from doctorsun.cli.main import main
from doctorsun.cli.verbs import ask, chat
from doctorsun.core.chat import Piece, Reply, Request


class Echo:
    """Answers with the number of its turns, of its pictures, and the last question."""

    name = "echo"

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def stream(self, request: Request) -> Iterator[Piece]:
        self.requests.append(request)
        places = sum(part.type == "image" for turn in request.messages for part in turn.content)
        assert places == len(request.images)
        yield Piece(f"turn {len(request.messages)}, ")
        yield Piece(f"{places} pictures: {request.messages[-1].text}")

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        raise NotImplementedError


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Echo:
    """A run named `mine` whose model is the echo, and a picture beside it."""
    Path("runs/mine/model").mkdir(parents=True)
    Path("runs/mine/model/config.json").write_text("{}")
    Image.new("RGB", (8, 8)).save("a.png")
    chat_model = Echo()
    for verb in (ask, chat):
        monkeypatch.setattr(verb, "open_chat", lambda folder: chat_model)
    return chat_model


def as_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for verb in (ask, chat):
        monkeypatch.setattr(verb, "on_terminal", lambda: True)
    monkeypatch.setattr("doctorsun.cli.screen.on_terminal", lambda: True)


def typed(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in words)))


def test_an_answer_is_one_json_line_in_a_pipe(echo: Echo, capsys: pytest.CaptureFixture[str]):
    assert main(["ask", "mine", "哪一侧？", "--image", "a.png", "--max-tokens", "7"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["answer"] == "turn 1, 1 pictures: 哪一侧？"
    assert echo.requests[0].max_new_tokens == 7
    assert echo.requests[0].images == (Path("a.png").read_bytes(),)


@pytest.mark.parametrize(("lang", "note"), [("en", "draft for a doctor"), ("zh", "须由医生核对")])
def test_an_answer_to_a_person_carries_the_note_that_it_is_a_draft(
    echo: Echo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, lang: str, note: str
):
    as_terminal(monkeypatch)
    assert main(["--ui", lang, "ask", "runs/mine", "which side?"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "turn 1, 0 pictures: which side?"
    assert note in shown[1]


def test_pictures_stay_in_the_history_and_reset_forgets_all(
    echo: Echo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    typed(monkeypatch, "/image a.png", "one", "", "two", "/reset", "three", "/quit", "never")
    assert main(["chat", "mine"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["answer"] for row in rows if row["event"] == "answer"] == [
        "turn 1, 1 pictures: one",
        "turn 3, 1 pictures: two",
        "turn 1, 0 pictures: three",
    ]


def test_a_picture_may_be_dropped_into_the_terminal_with_quotes(
    echo: Echo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    Image.new("RGB", (8, 8)).save("b 1.png")
    typed(monkeypatch, "/image 'b 1.png'", "/image", "one")
    assert main(["chat", "mine"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["found"] for row in rows if row["event"] == "cli.chat_commands"] == ["/image"]
    assert rows[-1]["answer"] == "turn 1, 1 pictures: one"


def test_a_mistake_in_a_talk_is_told_and_the_talk_goes_on(
    echo: Echo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    as_terminal(monkeypatch)
    typed(monkeypatch, "/image none.png", "/imagine", "hello")
    assert main(["chat", "mine"]) == 0
    shown = capsys.readouterr()
    assert shown.err == "none.png: there is no such file or folder\n"
    assert "'/imagine' is no command here" in shown.out
    assert "turn 1, 0 pictures: hello" in shown.out
    assert "draft for a doctor" in shown.out


def test_a_turn_counts_only_when_its_answer_is_whole(echo: Echo):
    talk = Conversation(echo, max_new_tokens=8)
    talk.add_picture(b"png")
    next(talk.ask("cut off"))
    assert "".join(talk.ask("again")) == "turn 1, 1 pictures: again"


def slices(path: Path, count: int) -> None:
    nibabel = pytest.importorskip("nibabel", reason="nibabel is not installed: doctorsun[imaging]")
    levels = np.random.default_rng(0).integers(0, 900, (16, 16, count)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(levels, np.diag([1.0, 1.0, 4.0, 1.0])), path)


def shown(request: Request) -> list[str]:
    """The last question's parts, a picture as *."""
    return [part.text or "*" for part in request.messages[-1].content]


def test_slices_of_a_volume_are_named_as_in_training(echo: Echo):
    slices(Path("ct.nii.gz"), 100)
    assert main(["ask", "mine", "Is there a nodule?", "--image", "ct.nii.gz"]) == 0
    said = shown(echo.requests[0])
    assert said.count("*") == len(echo.requests[0].images) == 85
    assert said[:2] == ["Slice 1 of 100: ", "*"] and said[-3:-1] == ["Slice 100 of 100: ", "*"]
    assert main(["ask", "mine", "有结节吗？", "--image", "ct.nii.gz", "--slices", "2"]) == 0
    assert shown(echo.requests[1])[:4] == ["第26层（共100层）：", "*", "第76层（共100层）：", "*"]


def test_an_earlier_study_comes_first_and_both_are_named(
    echo: Echo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    Image.new("RGB", (9, 9)).save("b.png")
    with zipfile.ZipFile("old.zip", "w") as archive:
        archive.write("b.png")
    assert main(["ask", "mine", "Any change?", "--image", "a.png", "--prior", "old.zip"]) == 0
    expected = ["Prior study:\n", "*", "Current study:\n", "*", "Any change?"]
    assert shown(echo.requests[0]) == expected
    assert echo.requests[0].images[1] == Path("a.png").read_bytes()
    typed(monkeypatch, "/prior old.zip", "/image a.png", "Any change?", "Sure?")
    assert main(["chat", "mine"]) == 0
    assert shown(echo.requests[1]) == expected
    assert shown(echo.requests[2]) == ["Sure?"] and len(echo.requests[2].images) == 2


def test_a_study_without_a_picture_says_where_to_look(echo: Echo, capsys: pytest.CaptureFixture[str]):
    with zipfile.ZipFile("empty.zip", "w") as archive:
        archive.writestr("notes.txt", "nothing to see")
    assert main(["ask", "mine", "What?", "--image", "empty.zip"]) == 2
    assert "sun study show empty.zip" in capsys.readouterr().err
