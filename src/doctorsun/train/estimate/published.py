"""Sizes of well-known parts, as their config.json says, so that a plan needs neither weights nor network.

Keyed by the last word of the hub's name, in small letters: what a folder is called that holds them.
`tokens` are those of the tokenizer: a vocabulary grows only where image and padding find no room in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from doctorsun.core.errors import ModelError


@dataclass(frozen=True)
class Published:
    """A part by its id on the Hugging Face hub, and the arguments of its configuration."""

    hub: str
    model_type: str
    sizes: Mapping[str, int | bool]
    tokens: int = 0


def _clip(hub: str, *, width: int, layers: int, heads: int, px: int, patch: int) -> Published:
    sizes = {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": layers}
    sizes |= {"num_attention_heads": heads, "image_size": px, "patch_size": patch}
    return Published(hub, "clip_vision_model", sizes)


def _siglip(hub: str, *, px: int, patch: int, large: bool = True) -> Published:
    width, mlp, layers, heads = (1152, 4304, 27, 16) if large else (768, 3072, 12, 12)
    sizes = {"hidden_size": width, "intermediate_size": mlp, "num_hidden_layers": layers}
    sizes |= {"num_attention_heads": heads, "image_size": px, "patch_size": patch}
    return Published(hub, "siglip_vision_model", sizes)


def _llama(hub: str, *, width: int, mlp: int, layers: int, tie: bool) -> Published:
    sizes = {"hidden_size": width, "intermediate_size": mlp, "num_hidden_layers": layers}
    sizes |= {"num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256}
    sizes |= {"max_position_embeddings": 131072, "tie_word_embeddings": tie}
    return Published(hub, "llama", sizes, tokens=128256)


def _qwen3(hub: str, *, width: int, mlp: int, layers: int, heads: int, tie: bool = True) -> Published:
    sizes = {"hidden_size": width, "intermediate_size": mlp, "num_hidden_layers": layers, "head_dim": 128}
    sizes |= {"num_attention_heads": heads, "num_key_value_heads": 8, "vocab_size": 151936}
    sizes |= {"max_position_embeddings": 40960, "tie_word_embeddings": tie}
    return Published(hub, "qwen3", sizes, tokens=151669)


_KNOWN = (
    _clip("openai/clip-vit-large-patch14-336", width=1024, layers=24, heads=16, px=336, patch=14),
    _clip("openai/clip-vit-large-patch14", width=1024, layers=24, heads=16, px=224, patch=14),
    _siglip("google/siglip-so400m-patch14-384", px=384, patch=14),
    _siglip("google/siglip2-so400m-patch14-384", px=384, patch=14),
    _siglip("google/siglip2-so400m-patch16-384", px=384, patch=16),
    _siglip("google/siglip2-so400m-patch16-256", px=256, patch=16),
    _siglip("google/siglip2-base-patch16-256", px=256, patch=16, large=False),
    _siglip("google/medsiglip-448", px=448, patch=14),
    _llama("meta-llama/Llama-3.1-8B-Instruct", width=4096, mlp=14336, layers=32, tie=False),
    _llama("shareAI/llama3.1-8b-instruct-dpo-zh", width=4096, mlp=14336, layers=32, tie=False),
    _llama("meta-llama/Llama-3.2-1B-Instruct", width=2048, mlp=8192, layers=16, tie=True),
    _qwen3("Qwen/Qwen3-8B", width=4096, mlp=12288, layers=36, heads=32, tie=False),
    _qwen3("Qwen/Qwen3-4B", width=2560, mlp=9728, layers=36, heads=32),
    _qwen3("Qwen/Qwen3-1.7B", width=2048, mlp=6144, layers=28, heads=16),
    _qwen3("Qwen/Qwen3-0.6B", width=1024, mlp=3072, layers=28, heads=16),
)
_BY_NAME = {part.hub.rpartition("/")[2].lower(): part for part in _KNOWN}


def published(source: str) -> Published | None:
    """What is known of a part by the last word of a hub id or of a folder's path; null if nothing is."""
    return _BY_NAME.get(PurePath(source).name.lower())


def refuse_absent(source: str) -> None:
    """ModelError with the line that fetches it, if a well-known part is to be in a folder and is not."""
    known = published(source)
    if known is not None and source != known.hub and not (Path(source) / "config.json").is_file():
        raise ModelError("train.absent_part", where=source, hub=known.hub)


def hub_ids() -> list[str]:
    """The ids that are known, sorted."""
    return sorted(part.hub for part in _KNOWN)
