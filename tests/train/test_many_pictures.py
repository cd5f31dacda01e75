"""Eighty-five slices, two studies, several turns: what is built is what is trained is what is asked."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from doctorsun.core.chat import Request
from doctorsun.core.errors import RecordError, TrainError
from doctorsun.core.schema import Message, Part, Sample, Shown
from doctorsun.data.dataset import open_dataset
from doctorsun.engines.local import LocalChat
from doctorsun.language.shown import picture_parts, told_as
from doctorsun.model.parts import Parts
from doctorsun.model.store import load_model
from doctorsun.train.answers import RowLosses
from doctorsun.train.corpus import Corpus, Pieces, tell_long_rows
from doctorsun.train.device import Compute
from doctorsun.train.packing import Group, Row, group_pieces
from doctorsun.train.recipe import StageConfig
from doctorsun.train.run import run
from doctorsun.train.setting import Setting
from doctorsun.train.views import PictureStore
from tests.train.small import MODEL, instruct_stage, recipe, square, write_dataset

SLICES = 85
FEW = {"vision": {**MODEL["vision"], "image_px": 16}}
FEW |= {"language": {**MODEL["language"], "context": 2048}, "feature_layer": -1}


def volumes(count: int, *, split: str) -> list[Sample]:
    """A volume asked about twice, then once with a prior study, and once again in a second turn."""
    slices = tuple(square("red", at) for at in range(SLICES))
    names = tuple(Shown(slice=at + 1, count=200) for at in range(SLICES))
    before = (square("green", 900), square("blue", 901))
    two = (*told_as("prior", (), pictures=2), *told_as("current", names[:2], pictures=2))
    said = [
        ("a", slices, picture_parts(SLICES, names, "en"), "Is there a nodule?", "No."),
        ("b", slices, picture_parts(SLICES, names, "en"), "What is shown?", "A red volume."),
        ("c", (*before, *slices[:2]), picture_parts(4, two, "zh"), "有何变化？", "变红了。"),
    ]
    found = []
    for at in range(count):
        for name, images, places, question, answer in said:
            messages = (Message("user", (*places, Part("text", question))), talk("assistant", answer))
            if name == "c":
                messages = (*messages, talk("user", "确定吗？"), talk("assistant", "确定。"))
            lang = "zh" if name == "c" else "en"
            sample = Sample(
                f"volumes/{split}/{at}{name}", images, messages, lang, "vqa", "volumes", "MIT", "synthetic",
                kind="open", split=split,
            )  # fmt: skip
            found.append(sample)
    return found


def talk(role: str, words: str) -> Message:
    return Message(role, (Part("text", words),))


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("volumes")
    data = write_dataset(folder / "data", train=1, validation=0, made=volumes)
    stage = instruct_stage(steps=1, row_tokens=1024, rows=2, augment={}, mixture={"balance": False})
    run(recipe(data, stage, model=FEW), folder / "run")
    return folder


@pytest.fixture(scope="module")
def made(trained) -> tuple[Parts, Corpus, list[Sample]]:
    rows = open_dataset(trained / "data").rows("train")
    return load_model(trained / "run" / "model"), Corpus.of_rows(rows), list(rows)


def test_the_samples_come_back_from_disk_as_they_were(made):
    assert [replace(sample, images=()) for sample in made[2] if not sample.images] == []
    known = volumes(1, split="train")
    assert [sample.messages for sample in made[2]] == [sample.messages for sample in known]
    for sample, one in zip(made[2], known, strict=True):
        assert [each.bytes for each in sample.images] == [each.bytes for each in one.images]


def test_training_reads_the_tokens_that_serving_asks_with(made):
    parts, corpus, samples = made
    pieces = Pieces(corpus, parts.encoder, context=2048, supervise="answers", text_only=False)
    for row, sample in enumerate(samples):
        asked = parts.encoder.prompt(sample.messages[:-1])
        piece = pieces[row]
        assert piece.ids[: len(asked.ids)].tolist() == asked.ids
        assert list(piece.starts) == asked.image_starts
        assert len(piece.starts) == len(piece.pictures) == len(sample.images)
        assert piece.prefix == piece.starts[-1] + parts.encoder.image_tokens
        said = parts.encoder.decode(piece.ids.tolist())
        assert ("Slice 85 of 200:" in said) == (len(sample.images) == SLICES)
        assert ("既往检查：" in said) == (len(sample.images) == 4)


def test_a_shared_prefix_of_many_pictures_changes_no_loss(made, tmp_path):
    parts, corpus, samples = made
    rows = [(name, one) for sample in samples for name, one in _named(corpus, sample)]
    store = PictureStore.build(dict(rows).items(), tmp_path / "p", parts.pictures, sources=dict(rows))
    stage = StageConfig.model_validate(instruct_stage(augment={}))
    losses = RowLosses(copy.deepcopy(parts), stage, Setting(Compute(stage), 0, pictures=store))
    pieces = Pieces(corpus, parts.encoder, context=2048, supervise="answers", text_only=False)
    each = [pieces[row] for row in range(3)]
    groups = group_pieces(each, room=4096)
    assert [len(group.pieces) for group in groups] == [2, 1]
    losses.model.eval()
    with torch.no_grad():
        together = losses.of(losses.pack([Row(groups)]))
        alone = [losses.of(losses.pack([Row([Group([piece])])])) for piece in each]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-5)


def _named(corpus: Corpus, sample: Sample):
    entry = next(entry for entry in corpus.entries if entry.id == sample.id)
    return zip(entry.pictures, sample.images, strict=True)


def test_the_engine_answers_as_transformers_does(made):
    parts, _, samples = made
    chat = LocalChat(parts)
    for sample in samples:
        raw = tuple(picture.bytes for picture in sample.images)
        reply = next(chat.answer([Request(sample.messages[:-1], raw, 6)]))
        ids = torch.tensor([parts.encoder.prompt(sample.messages[:-1]).ids])
        pixels = parts.pictures.pixels(raw)
        whole = parts.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=pixels,
            max_new_tokens=6,
            do_sample=False,
        )
        assert list(reply.ids) == whole[0, ids.shape[1] :].tolist()


def test_too_many_pictures_say_how_many_would_fit(made):
    parts, corpus, samples = made
    pieces = Pieces(corpus, parts.encoder, context=512, supervise="answers", text_only=False)
    with pytest.raises(
        TrainError, match=r"volumes/train/0a: \d+ tokens, of them 85 pictures of 4 tokens.*look"
    ):
        pieces[0]
    small = copy.deepcopy(parts)
    small.model.config.text_config.max_position_embeddings = 512
    raw = tuple(picture.bytes for picture in samples[0].images)
    with pytest.raises(RecordError, match="85 images of 4 tokens among them.*--slices"):
        next(LocalChat(small).answer([Request(samples[0].messages[:-1], raw, 6)]))


def test_a_sample_longer_than_a_row_is_told_with_what_to_set(made, monkeypatch):
    heard = []

    class Ear:
        def note(self, key: str, **values: object) -> None:
            heard.append((key, [values[name] for name in ("where", "count", "each", "found", "expected")]))

    monkeypatch.setattr("doctorsun.train.corpus.reporter", Ear)
    parts, corpus, _ = made
    tell_long_rows(corpus, parts.encoder, row_tokens=340)
    assert not heard
    tell_long_rows(corpus, parts.encoder, row_tokens=339)
    assert heard == [("train.long_rows", ["volumes/train/0a", 85, 4, 340, 339])]
