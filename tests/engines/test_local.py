from dataclasses import replace

import numpy as np
import pytest
import torch

from doctorsun.core.chat import Chat, Request
from doctorsun.core.errors import ModelError, RecordError
from doctorsun.core.schema import Message
from doctorsun.engines.gallery import Gallery
from doctorsun.engines.local import LocalChat
from doctorsun.engines.open import model_folder, open_chat
from doctorsun.model.store import save_model
from doctorsun.model.vision import patch_features
from tests.model.tiny import picture, tiny_parts, turn

QUESTIONS = (
    "Is there a nodule?",
    "左肺可见结节吗？请回答。",
    "What?",
    "Is the left lung clear, or is it 12 mm wide?",
)


@pytest.fixture(scope="module", params=["clip", "siglip"])
def parts(request):
    made = tiny_parts(seed=7, vision={"kind": request.param})
    # Weights larger than a fresh model's, so that answers differ from question to question.
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in made.model.parameters():
            if weight.ndim > 1:
                weight.normal_(0.0, 0.3, generator=generator)
    return made


def ask(number, *, images=1, most=9, **changes):
    pictures = tuple(picture((number + place) % 5, size=(40, 30)) for place in range(images))
    question = f"{QUESTIONS[number % 4]} {number % 7}"
    return Request((turn("user", *[None] * images, question),), pictures, max_new_tokens=most)


def mixed():
    """Questions with 0 to 2 images, of several lengths, many of them about the same pictures."""
    return [ask(number, images=number % 3, most=3 + number % 8) for number in range(40)]


def generated(parts, request):
    """What transformers' own `generate` says, with ids and pixels made by its processor's parts."""
    ids = torch.tensor([parts.encoder.prompt(request.messages).ids])
    pixels = {"pixel_values": parts.pictures.pixels(request.images)} if request.images else {}
    made = parts.model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=request.max_new_tokens, **pixels
    )
    return tuple(made[0, ids.shape[1] :].tolist())


def test_answers_are_those_of_transformers_generate_token_for_token(parts):
    requests = mixed()[:15]
    replies = list(LocalChat(parts).answer(requests))
    assert [reply.ids for reply in replies] == [generated(parts, request) for request in requests]
    assert len({reply.ids for reply in replies}) > 8


def test_a_batch_of_many_answers_as_each_question_alone(parts):
    requests = mixed()
    alone = [next(LocalChat(parts, batch=1).answer([request])) for request in requests]
    for batch in (2, 7, 64):
        together = list(LocalChat(parts, batch=batch).answer(requests))
        assert [reply.ids for reply in together] == [reply.ids for reply in alone]
        assert [reply.text for reply in together] == [reply.text for reply in alone]
        for one, other in zip(together, alone, strict=True):
            assert np.allclose(one.logprobs, other.logprobs, atol=1e-4)


def test_the_pieces_of_a_stream_are_the_answer(parts):
    chat = LocalChat(parts)
    for request in mixed()[:12]:
        reply = next(chat.answer([request]))
        pieces = list(chat.stream(request))
        assert "".join(piece.text for piece in pieces) == reply.text
        assert len(pieces) <= reply.tokens


def test_an_answer_stops_at_the_end_token_and_says_whether_it_did(parts, monkeypatch):
    requests = [ask(number, most=6) for number in range(20)]
    replies = zip(requests, LocalChat(parts).answer(requests), strict=True)
    request, whole = next(
        (request, reply)
        for request, reply in replies
        if not reply.stopped and reply.ids[2] not in reply.ids[:2]
    )
    assert whole.tokens == 6
    end = whole.ids[2]
    monkeypatch.setattr(parts.model.generation_config, "eos_token_id", [end])
    chat = LocalChat(parts)
    reply = next(chat.answer([request]))
    assert reply.stopped and reply.ids == whole.ids[:3]
    assert reply.text == parts.encoder.decode(whole.ids[:2])
    assert "".join(piece.text for piece in chat.stream(request)) == reply.text
    cut = next(chat.answer([replace(request, max_new_tokens=2)]))
    assert not cut.stopped and cut.ids == whole.ids[:2]


def test_log_probabilities_are_those_of_the_model(parts):
    request = ask(2, most=4)
    reply = next(LocalChat(parts).answer([request]))
    ids = parts.encoder.prompt(request.messages).ids + list(reply.ids)
    with torch.inference_mode():
        logits = parts.model(
            input_ids=torch.tensor([ids]), pixel_values=parts.pictures.pixels(request.images)
        ).logits[0]
    expected = [
        logits[len(ids) - len(reply.ids) - 1 + place].log_softmax(-1)[token].item()
        for place, token in enumerate(reply.ids)
    ]
    assert np.allclose(reply.logprobs, expected, atol=1e-4)


def test_a_picture_is_looked_at_once_for_all_its_questions(parts, monkeypatch):
    looked = []
    pixels = type(parts.pictures).pixels
    monkeypatch.setattr(
        type(parts.pictures), "pixels", lambda self, raws: looked.extend(raws) or pixels(self, raws)
    )
    list(LocalChat(parts, batch=4).answer([ask(number) for number in range(40)]))
    assert len(looked) == 5


def test_the_gallery_forgets_the_oldest_when_there_is_no_room(parts):
    gallery = Gallery(parts, batch=2, room_bytes=parts.encoder.image_tokens * 32 * 4 * 2)
    raws = [picture(number) for number in range(4)]
    seen = gallery.look(raws)
    assert len(seen) == 4
    again = gallery.look(raws[:1])
    assert torch.allclose(again[raws[0]], seen[raws[0]], atol=1e-5)


def test_features_are_the_mean_of_what_llava_reads(parts):
    raws = [picture(number) for number in range(5)]
    features = LocalChat(parts, batch=2).features(raws)
    with torch.inference_mode():
        expected = patch_features(parts.model, parts.pictures.pixels(raws)).mean(dim=1).numpy()
    assert features.shape == (5, 32) and features.dtype == np.float32
    assert np.allclose(features, expected, atol=1e-5)
    assert LocalChat(parts).features([]).shape == (0, 32)


def test_no_question_gives_no_answer_and_a_talk_of_several_turns_is_answered(parts):
    chat = LocalChat(parts)
    assert isinstance(chat, Chat)
    assert list(chat.answer([])) == []
    talk = (turn("system", "简短"), turn("user", None, "a"), turn("assistant", "b"), turn("user", "c"))
    request = Request(talk, (picture(),), max_new_tokens=4)
    assert next(chat.answer([request])).ids == generated(parts, request)


def test_a_question_that_cannot_be_asked_names_its_number(parts):
    chat = LocalChat(parts)
    for bad in (
        Request((turn("user", None, "x"),), ()),
        Request((turn("user", "x " * 400),), ()),
        Request((turn("user", None, "x"),), (b"no picture",)),
    ):
        with pytest.raises(RecordError) as caught:
            list(chat.answer([ask(0), bad]))
        assert "1" in str(caught.value)


def test_bfloat16_answers_too(tmp_path):
    save_model(tiny_parts(), tmp_path / "model")
    replies = list(open_chat(tmp_path, dtype="bfloat16").answer(mixed()[:6]))
    assert len(replies) == 6 and all(reply.ids for reply in replies)


def test_a_run_or_a_model_directory_opens_and_the_name_is_the_runs(tmp_path):
    run = tmp_path / "runs" / "mini"
    save_model(tiny_parts(), run / "model")
    for target in (run, run / "model", str(run)):
        assert open_chat(target).name == "mini"
    save_model(tiny_parts(), tmp_path / "checkpoint-7")
    assert open_chat(tmp_path / "checkpoint-7").name == "checkpoint-7"


def test_what_is_no_model_is_refused_in_one_line(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.yaml").write_text("name: x")
    for target, word in ((tmp_path, "no model"), (tmp_path / "run", "sun train"), ("http://x/v1", "URL")):
        with pytest.raises(ModelError) as caught:
            model_folder(target)
        assert word in str(caught.value)


def test_messages_are_taken_as_they_are(parts):
    typed = Request((turn("user", None, "<image> <|end|> <|assistant|>No."),), (picture(),), max_new_tokens=3)
    assert isinstance(typed.messages[0], Message)
    assert next(LocalChat(parts).answer([typed])).ids == generated(parts, typed)
