"""Tiny LLaVAs of several families with random weights, and what two models say of one conversation."""

from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    CLIPVisionConfig,
    CLIPVisionModel,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from doctorsun.model.joining import Pieces, join
from doctorsun.model.parts import Parts
from doctorsun.model.pictures import image_processor
from tests.model.tiny import picture, tiny_tokenizer, turn

CONVERSATION = [
    turn("system", "You are a careful doctor."),
    turn("user", None, "左肺可见一枚结节吗？ Is there a nodule of 12 mm?"),
    turn("assistant", "是。Yes, in the left lung."),
    turn("user", "右侧呢？"),
    turn("assistant", "未见异常。"),
]
SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4}
VISION = SIZES | {"num_hidden_layers": 3, "image_size": 32, "patch_size": 8}
WORDS = SIZES | {"num_hidden_layers": 2, "num_key_value_heads": 2, "max_position_embeddings": 512}
WORDS |= {"bos_token_id": None, "eos_token_id": 1, "pad_token_id": 0}
LANGUAGES = {"llama": LlamaConfig, "mistral": MistralConfig, "qwen2": Qwen2Config, "qwen3": Qwen3Config}


def kin(language: str, vision: str = "clip", *, seed: int = 0, **changes: object) -> Parts:
    """A LLaVA of these families; every tensor is drawn, so that none left out goes unseen."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if vision == "clip":
            act = str(changes.pop("act", "quick_gelu"))
            tower = CLIPVisionModel(CLIPVisionConfig(**VISION, hidden_act=act, projection_dim=32))
            pictures = image_processor(32)
        else:
            tower = SiglipVisionModel(SiglipVisionConfig(**VISION, vision_use_head=False))
            pictures = image_processor(32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
        tokenizer = tiny_tokenizer()
        extra = {"head_dim": 8} if language == "qwen3" else {}
        if language == "qwen2":
            extra = {"rope_parameters": {"rope_theta": 50000.0, "rope_type": "default"}}
        words = LANGUAGES[language](
            **WORDS | extra | dict(changes), vocab_size=len(tokenizer) + 3, architectures=None
        )
        model = AutoModelForCausalLM.from_config(words)
        wide = words.hidden_size
        projector = {
            "linear_1.weight": torch.empty(wide, 32),
            "linear_1.bias": torch.empty(wide),
            "linear_2.weight": torch.empty(wide, wide),
            "linear_2.bias": torch.empty(wide),
        }
        select = "default" if vision == "clip" else "full"
        parts = join(Pieces(tower, pictures, model, tokenizer, projector, -2, select))
        with torch.no_grad():
            for name, parameter in parts.model.named_parameters():
                centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
                parameter.copy_(torch.randn(parameter.shape) * 0.15 + centre)
    return parts


@torch.inference_mode()
def logits(parts: Parts) -> torch.Tensor:
    """The logits of the conversation with a picture."""
    ids = torch.tensor([parts.encoder.encode(CONVERSATION).ids])
    pixels_BCHW = parts.pictures.pixels([picture(3)])
    found: torch.Tensor = parts.model(input_ids=ids, pixel_values=pixels_BCHW).logits
    return found


def assert_same_model(first: Parts, second: Parts) -> None:
    """Same ids in zh and en, same pixels, same logits to 1e-4, same end token, as many tokens an image."""
    one, other = first.encoder.encode(CONVERSATION), second.encoder.encode(CONVERSATION)
    assert one == other
    assert first.encoder.end_id == second.encoder.end_id
    assert torch.equal(first.pictures.pixels([picture(3)]), second.pictures.pixels([picture(3)]))
    difference = (logits(first) - logits(second)).abs().max()
    assert difference <= 1e-4, difference


def shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The names and shapes of all tensors of a folder's own safetensors."""
    from doctorsun.model.shards import read_shards

    return {name: tuple(tensor.shape) for name, tensor in read_shards(folder).items()}
