"""Invented conversations, a tokenizer and models small enough to make in a test."""

import io

import numpy as np
from PIL import Image
from transformers import CLIPVisionConfig, PreTrainedTokenizerFast

from doctorsun.core.schema import Message, Part
from doctorsun.model.assemble import assemble
from doctorsun.model.config import ModelConfig
from doctorsun.model.parts import Parts
from doctorsun.model.tokenizer import train_tokenizer

TEXTS = [
    "What is seen in this image? Is there a nodule? Yes. No. The left lung is clear, 12 mm.",
    "这幅图像中有什么？左肺可见一枚结节，大小约12毫米。是。否。右侧未见异常。",
    "A picture of skin with melanoma. 皮肤镜图像显示黑色素瘤，共3处。",
] * 20
SIZES = {
    "vision": {"width": 32, "layers": 3, "heads": 2, "mlp": 64, "image_px": 32, "patch_px": 8},
    "language": {"width": 32, "layers": 2, "heads": 4, "kv_heads": 2, "mlp": 64, "context": 256},
}


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, size=600)


def tiny_config(**changes: object) -> ModelConfig:
    tree = {"vision": dict(SIZES["vision"]), "language": dict(SIZES["language"])}
    tree["vision"].update(changes.pop("vision", {}))
    return ModelConfig.model_validate(tree | changes)


def tiny_parts(*, seed: int = 0, **changes: object) -> Parts:
    return assemble(tiny_config(**changes), tiny_tokenizer(), seed=seed)


def papers_eyes() -> CLIPVisionConfig:
    """The paper's encoder, CLIP ViT-L/14-336."""
    return CLIPVisionConfig(
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=24,
        num_attention_heads=16,
        image_size=336,
        patch_size=14,
    )


def turn(role: str, *parts: str | None) -> Message:
    """A message; null is an image."""
    return Message(role, tuple(Part("image") if part is None else Part("text", part) for part in parts))


def picture(seed: int = 0, *, size: tuple[int, int] = (40, 30), kind: str = "PNG") -> bytes:
    levels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, kind)
    return file.getvalue()
