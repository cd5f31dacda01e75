import pytest
import torch

from doctorsun.cli.conversation import Conversation, open_chat
from doctorsun.core.chat import Chat, Request
from doctorsun.core.errors import RecordError
from doctorsun.engines.open import chat_with
from doctorsun.model.store import load_model
from tests.model.families import FAMILIES, write_family
from tests.model.tiny import picture, turn

SIZES = [(64, 30), (30, 64), (32, 32)]
QUESTIONS = ("Is there a nodule?", "左肺可见结节吗？请回答。", "What?")
families = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("families")
    return {family: load_model(write_family(folder / family, family, seed=3)) for family in FAMILIES}


def ask(number, *, images, most=6):
    pictures = tuple(picture(number + at, size=SIZES[(number + at) % 3]) for at in range(images))
    return Request((turn("user", *[None] * images, QUESTIONS[number % 3]),), pictures, max_new_tokens=most)


def generated(parts, request):
    """What transformers' `generate` says to one question, and the log-probabilities of its tokens."""
    sizes = [parts.whole.size(raw, where="?") for raw in request.images]
    ids = parts.encoder.prompt(request.messages, sizes=sizes).ids
    kinds = {name: torch.tensor(rows) for name, rows in parts.whole.kinds([ids]).items()}
    made = parts.model.generate(
        input_ids=torch.tensor([ids]),
        max_new_tokens=request.max_new_tokens,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
        **kinds,
        **parts.whole.inputs(request.images),
    )
    said = made.sequences[0, len(ids) :].tolist()
    return said, [
        float(step[0].log_softmax(-1)[token]) for step, token in zip(made.logits, said, strict=True)
    ]


@families
def test_a_batch_is_answered_as_each_question_alone(loaded, family):
    parts = loaded[family]
    requests = [ask(number, images=number % 3, most=4 + number % 3) for number in range(6)]
    chat = chat_with(parts, batch=4)
    assert isinstance(chat, Chat)
    for request, reply in zip(requests, chat.answer(requests), strict=True):
        ids, logprobs = generated(parts, request)
        assert list(reply.ids) == ids
        assert reply.logprobs == pytest.approx(logprobs, abs=1e-3)
        assert reply.stopped == (ids[-1] == parts.encoder.end_id)


def test_the_pieces_of_a_stream_are_the_answer(loaded):
    chat = chat_with(loaded["qwen3_vl"])
    request = ask(1, images=2, most=9)
    pieces = list(chat.stream(request))
    assert "".join(piece.text for piece in pieces) == next(chat.answer([request])).text
    assert len(pieces) > 1 and pieces[0].logprob < 0


def test_answers_differ_from_picture_to_picture_and_so_do_their_features(loaded):
    chat = chat_with(loaded["gemma3"])
    first, second = (Request((turn("user", None, "?"),), (picture(seed),)) for seed in (0, 1))
    one, other = chat.answer([first, second])
    assert one.logprobs != other.logprobs
    features = chat.features([*first.images, *second.images])
    assert features.shape == (2, 32) and abs(features[0] - features[1]).max() > 1e-3


def test_a_picture_without_a_place_is_named(loaded):
    with pytest.raises(RecordError) as caught:
        list(chat_with(loaded["internvl"]).answer([Request((turn("user", "?"),), (picture(),))]))
    assert caught.value.key == "engines.image_count"


def test_a_person_can_talk_with_a_whole_model(tmp_path):
    chat = open_chat(write_family(tmp_path / "run", "internvl", seed=3))
    talk = Conversation(chat, max_new_tokens=4)
    talk.add_picture(picture(0, size=(64, 30)))
    first = "".join(talk.ask("Is there a nodule?"))
    assert first and "".join(talk.ask("12 mm?"))
