"""The lean step of every language family, and of every encoder, is the step of transformers' own classes."""

from itertools import islice
from pathlib import Path

import pytest
import torch

from doctorsun.model.assemble import assemble
from doctorsun.model.config import ModelConfig
from doctorsun.model.parts import Parts
from doctorsun.train.forward import read_pictures
from doctorsun.train.packing import Piece
from tests.model.members import ENCODERS, LANGUAGES, join, write_encoder, write_language
from tests.model.tiny import picture, tiny_config, tiny_tokenizer
from tests.train.joined import FULL, Lessons

ALL = {"kind": "instruct", "projector": FULL, "language": FULL, "vision": FULL}


@pytest.fixture(scope="module")
def lessons(tmp_path_factory) -> Lessons:
    return Lessons(tmp_path_factory.mktemp("lessons"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("eyes") / "clip", "clip")


def plain_step(parts: Parts, pieces: list[Piece], pixels: dict[str, torch.Tensor]) -> float:
    """The mean loss of a padded batch by transformers' own forward, its gradients left on the parameters."""
    length = max(len(piece.ids) for piece in pieces)
    ids = torch.zeros(len(pieces), length, dtype=torch.long)
    real, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for row, piece in enumerate(pieces):
        known = torch.from_numpy(piece.ids).long()
        ids[row, : len(known)], real[row, : len(known)] = known, 1
        labels[row, : len(known)] = torch.where(torch.from_numpy(piece.learnt), known, -100)
    seen = torch.cat([pixels[name] for piece in pieces for name in piece.pictures])
    loss = parts.model(
        input_ids=ids, attention_mask=real, labels=labels, pixel_values=seen, use_cache=False
    ).loss
    loss.backward()
    return loss.item()


@pytest.mark.parametrize("words", LANGUAGES)
def test_loss_and_gradients_are_those_of_transformers(tmp_path: Path, lessons, clip, words: str):
    parts = assemble(join(clip, write_language(tmp_path / words, words)), seed=0)
    learner = lessons.objective(parts, ALL, eyes="clip")
    (step,) = islice(learner.steps(), 1)
    pieces = [piece for row in step for piece in row.pieces]
    window = getattr(parts.model.config.text_config, "sliding_window", None) or 0
    assert max(len(piece.ids) for piece in pieces) > window
    assert any(len(group.pieces) > 1 for row in step for group in row.groups), "no prefix is shared"
    loss = learner.backward(step).loss
    named = {
        name: parameter
        for group in learner.groups
        for name, parameter in zip(group.names, group.parameters, strict=True)
    }
    ours = {name: parameter.grad for name, parameter in named.items()}
    for parameter in named.values():
        parameter.grad = None
    assert loss == pytest.approx(plain_step(parts, pieces, lessons.pixels(parts)), rel=1e-5)
    whole = torch.stack([parameter.grad.norm() for parameter in named.values()]).norm()
    for name, parameter in named.items():
        error = (parameter.grad - ours[name]).norm() / whole
        assert error < 1e-5, (name, float(error))


@pytest.mark.parametrize("eyes", ENCODERS)
def test_features_are_those_that_llava_reads(tmp_path: Path, eyes: str):
    folder = write_encoder(tmp_path / eyes, eyes)
    for layer, select in [(-1, None), (-2, "all"), (0, None), (1, "all")]:
        tree = {**tiny_config().model_dump(), "feature_layer": layer, "select": select}
        config = ModelConfig.model_validate(tree | {"vision": {"from": str(folder)}})
        parts = assemble(config, tiny_tokenizer(), seed=0)
        pixels_BCHW = parts.pictures.pixels([picture(1), picture(2)])
        with torch.inference_mode():
            theirs = torch.stack(parts.model.get_image_features(pixels_BCHW).pooler_output)
            ours = parts.model.model.multi_modal_projector(read_pictures(parts.model, pixels_BCHW))
        assert theirs.shape[1] == parts.encoder.image_tokens
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
