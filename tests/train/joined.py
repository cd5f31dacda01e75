"""Steps and answers of assembled models, called directly: what the matrix of families does to each."""

import io
from itertools import islice
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from doctorsun.core.chat import Request
from doctorsun.data.dataset import open_dataset
from doctorsun.engines.local import LocalChat
from doctorsun.model.loading import quiet
from doctorsun.model.parts import Parts
from doctorsun.model.tuning import apply_tuning, merge_tuning
from doctorsun.train.answers import Answers, Reading
from doctorsun.train.corpus import Corpus, Pieces
from doctorsun.train.device import Compute
from doctorsun.train.optimizer import Optimizers
from doctorsun.train.recipe import StageConfig
from doctorsun.train.setting import Setting
from doctorsun.train.views import PictureStore
from tests.model.tiny import picture, turn
from tests.train.small import write_dataset

QUESTION = "What colour is the square? 是什么颜色？"
FULL = {"mode": "full", "lr": 0.001}
LORA = {"mode": "lora", "lr": 0.001, "rank": 2, "alpha": 4}
ALIGN = {"kind": "align", "projector": FULL}
INSTRUCT = {"kind": "instruct", "projector": FULL, "language": FULL, "vision": LORA}
ADAPT = {"kind": "instruct", "projector": FULL, "language": LORA, "vision": FULL}


class Lessons:
    """A few samples and their pictures, as each processor wants them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = open_dataset(write_dataset(folder / "data", train=4, validation=1))
        self._corpus = Corpus.of_rows(self._data.rows("train"))

    def objective(self, parts: Parts, stage: dict[str, object], *, eyes: str) -> Answers:
        """What a stage learns from the samples; `eyes` names the look of the pictures."""
        plain = {"steps": 3, "rows": 2, "micro_rows": 2, "row_tokens": 160, "precision": "fp32"}
        config = StageConfig.model_validate(plain | stage)
        store = PictureStore.build(
            self._data.rows("train").pictures(), self._folder / eyes, parts.pictures, sources={}
        )
        pieces = Pieces(self._corpus, parts.encoder, context=256, supervise="answers", text_only=False)
        return Answers(
            parts,
            config,
            groups=apply_tuning(parts.model, config.tune, seed=0).groups,
            training=Reading(self._corpus, pieces),
            validation=None,
            setting=Setting(Compute(config), 5, pictures=store),
        )

    def pixels(self, parts: Parts) -> dict[str, torch.Tensor]:
        """What the encoder reads of each picture, by the picture's name."""
        found = self._data.rows("train").pictures()
        return {name: parts.pictures.pixels([image.bytes]) for name, image in found}

    def learn(self, parts: Parts, stage: dict[str, object], *, eyes: str) -> list[str]:
        """Three steps, merged into plain weights; the names of weights that stayed as they were."""
        learner = self.objective(parts, stage, eyes=eyes)
        optimizers = Optimizers(learner.groups, StageConfig.model_validate({"steps": 3} | stage))
        learning = {
            name: parameter
            for group in learner.groups
            for name, parameter in zip(group.names, group.parameters, strict=True)
        }
        before = {name: parameter.detach().clone() for name, parameter in learning.items()}
        for step in islice(learner.steps(), 3):
            outcome = learner.backward(step)
            assert torch.isfinite(torch.tensor(outcome.loss))
            optimizers.step()
            optimizers.zero_grad()
        still = [name for name, old in before.items() if torch.equal(old, learning[name])]
        merge_tuning(parts.model)
        return still


def answer_here(parts: Parts) -> list[int]:
    """The tokens that the engine of this package answers with."""
    request = Request((turn("user", None, QUESTION),), (picture(3),), max_new_tokens=5)
    (reply,) = LocalChat(parts).answer([request])
    return list(reply.ids)


def answer_there(folder: Path) -> list[int]:
    """The tokens that plain transformers answers with, from the folder alone."""
    with quiet():
        model, told = AutoModelForImageTextToText.from_pretrained(
            folder, output_loading_info=True, dtype=torch.float32
        )
        processor = AutoProcessor.from_pretrained(folder, backend="pil")
    assert not any(told.values()), told
    image = {"type": "image", "image": Image.open(io.BytesIO(picture(3)))}
    asked = processor.apply_chat_template(
        [{"role": "user", "content": [image, {"type": "text", "text": QUESTION}]}],
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        add_generation_prompt=True,
    )
    with torch.inference_mode():
        made = model.generate(**asked, max_new_tokens=5)
    return made[0, asked["input_ids"].shape[1] :].tolist()
