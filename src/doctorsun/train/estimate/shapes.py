"""The sizes of a model that decide how much it computes, from transformers' configuration. No torch here."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from doctorsun.model.vision_family import family_for, feature_count, patch_side, square

# Families whose feed-forward is two matrices and an activation, without a gate.
_UNGATED = {"phi", "gpt2", "gpt_neox", "opt", "starcoder2", "falcon"}


@dataclass(frozen=True, slots=True)
class VisionShape:
    """An encoder as far as it is read: `layers` up to the hidden state that goes on, `tokens` within it.

    `features` are the vectors that go on for one picture, `patch` the figures of one patch.
    """

    width: int
    layers: int
    mlp: int
    tokens: int
    features: int
    patch: int


@dataclass(frozen=True, slots=True)
class LanguageShape:
    """A decoder: `queries` and `keys` are heads times their width, `matrices` those of one feed-forward."""

    width: int
    layers: int
    queries: int
    keys: int
    mlp: int
    matrices: int
    vocabulary: int


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Encoder and decoder; between them stand two matrices."""

    vision: VisionShape
    language: LanguageShape


def shape_of(config: object) -> ModelShape:
    """The shape of a LLaVA's configuration: transformers' own object, or the tree of its config.json."""
    tree = _tree(config)
    eyes, words = _tree(tree["vision_config"]), _tree(tree["text_config"])
    return ModelShape(_vision(eyes, tree), _language(words))


def _vision(eyes: Mapping[str, Any], tree: Mapping[str, Any]) -> VisionShape:
    config = SimpleNamespace(**eyes)
    width, layers, chosen = (
        int(eyes["hidden_size"]),
        int(eyes["num_hidden_layers"]),
        tree["vision_feature_layer"],
    )
    read = [layer if layer >= 0 else layers + 1 + layer for layer in _list(chosen)]
    grid = patch_side(config) ** 2
    return VisionShape(
        width=width,
        layers=max(read),
        mlp=int(eyes.get("intermediate_size") or width * eyes["mlp_ratio"]),
        tokens=grid + family_for(str(eyes["model_type"])).extra_tokens(config),
        features=feature_count(config, tree["vision_feature_select_strategy"]),
        patch=3 * square(eyes["patch_size"]) ** 2,
    )


def _language(words: Mapping[str, Any]) -> LanguageShape:
    heads = int(words["num_attention_heads"])
    width = int(words["hidden_size"])
    head = int(words.get("head_dim") or width // heads)
    return LanguageShape(
        width=width,
        layers=int(words["num_hidden_layers"]),
        queries=heads * head,
        keys=int(words.get("num_key_value_heads") or heads) * head,
        mlp=int(words["intermediate_size"]),
        matrices=2 if words.get("model_type") in _UNGATED else 3,
        vocabulary=int(words["vocab_size"]),
    )


def _tree(config: object) -> Mapping[str, Any]:
    found = config if isinstance(config, Mapping) else getattr(config, "to_dict")()  # noqa: B009 - untyped
    assert isinstance(found, Mapping)
    return found


def _list(value: object) -> list[int]:
    return [value] if isinstance(value, int) else list(value)  # type: ignore[call-overload]
