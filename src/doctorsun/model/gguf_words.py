"""The language model as a GGUF of llama.cpp, and back.

llama.cpp turns pairs of neighbours in rotary embeddings for `llama`, and pairs half a head apart for the
Qwens, as transformers does; so the rows of q and k of a Llama are put in another order.
"""

import math
import re
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, PretrainedConfig, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

from doctorsun.core.errors import ModelError
from doctorsun.model.gguf_file import GgufFile, field, read_gguf
from doctorsun.model.gguf_tokens import read_tokens, write_tokens
from doctorsun.model.parts import Parts
from doctorsun.model.shards import Tensors, language_tensors, model_of

ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
_LAYER = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_LAYER_NAME = re.compile(r"^model\.layers\.(\d+)\.(.+)\.(weight|bias)$")
_BLOCK_NAME = re.compile(r"^blk\.(\d+)\.(.+)\.(weight|bias)$")
_FREQUENCIES = "rope_freqs.weight"
_LLAMA3 = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")


def write_words(parts: Parts, path: Path, *, kind: str) -> None:
    """Write language model, tokenizer and chat template; ModelError for what llama.cpp has no word for."""
    config = parts.model.config.text_config
    architecture = ARCHITECTURES[config.model_type]
    if config.hidden_act != "silu":
        raise ModelError("convert.activation", target="gguf", found=config.hidden_act, expected="silu")
    file = GgufFile(path, architecture, kind=kind)
    put = file.writer
    put.add_type("model")
    put.add_name(str(config.model_type))
    put.add_context_length(config.max_position_embeddings)
    put.add_embedding_length(config.hidden_size)
    put.add_block_count(config.num_hidden_layers)
    put.add_feed_forward_length(config.intermediate_size)
    put.add_head_count(config.num_attention_heads)
    put.add_head_count_kv(config.num_key_value_heads)
    put.add_layer_norm_rms_eps(config.rms_norm_eps)
    put.add_rope_freq_base(_rope(config)["rope_theta"])
    width = _head_width(config)
    put.add_rope_dimension_count(width)
    put.add_key_length(width)
    put.add_value_length(width)
    put.add_vocab_size(config.vocab_size)
    _write_scaling(file, config)
    write_tokens(parts, put)
    for name, tensor in language_tensors(parts).items():
        file.add(there_of(name), permuted(name, tensor, config) if architecture == "llama" else tensor)
    file.close()


def read_words(path: Path) -> tuple[PreTrainedModel, Tokenizer]:
    """The language model and the tokenizer of a file; ModelError for an architecture not known here."""
    fields, tensors = read_gguf(path)
    architecture = str(field(fields, "general.architecture", where=path))
    if architecture not in ARCHITECTURES.values():
        known = ", ".join(sorted(set(ARCHITECTURES.values())))
        raise ModelError("convert.gguf_kind", where=path, found=architecture, expected=known)
    tokenizer = read_tokens(fields, where=path)
    config = _config(architecture, fields, tensors, where=path)
    config.eos_token_id, config.bos_token_id = tokenizer.eos_token_id, tokenizer.bos_token_id
    config.pad_token_id = tokenizer.pad_token_id
    back = {there: name for name, there in _NAMES.items()}
    layer = {there: name for name, there in _LAYER.items()}
    state: Tensors = {}
    for there, tensor in tensors.items():
        match = _BLOCK_NAME.match(there)
        if match is not None and match[2] in layer:
            name = f"model.layers.{match[1]}.{layer[match[2]]}.{match[3]}"
            state[name] = permuted(name, tensor, config, back=True) if architecture == "llama" else tensor
        elif there in back:
            state[back[there]] = tensor
        elif there != _FREQUENCIES:
            raise ModelError("model.unexpected_keys", where=path, count=1, names=there)
    model: PreTrainedModel = model_of(MODEL_FOR_CAUSAL_LM_MAPPING[type(config)], config, state, where=path)
    return model, tokenizer


def there_of(name: str) -> str:
    """What llama.cpp calls a tensor of the language model."""
    match = _LAYER_NAME.match(name)
    if match is not None and match[2] in _LAYER:
        return f"blk.{match[1]}.{_LAYER[match[2]]}.{match[3]}"
    if name not in _NAMES:
        raise ModelError("convert.tensor_unknown", target="gguf", name=name)
    return _NAMES[name]


def permuted(name: str, tensor: torch.Tensor, config: Any, *, back: bool = False) -> torch.Tensor:  # noqa: ANN401
    """The rows of a Llama's q or k so ordered that each head's pairs are neighbours, or back as they were."""
    heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
    if ".q_proj." not in name and ".k_proj." not in name:
        return tensor
    half = tensor.shape[0] // heads // 2
    split = (heads, half, 2) if back else (heads, 2, half)
    return tensor.reshape(*split, *tensor.shape[1:]).transpose(1, 2).reshape(tensor.shape)


def _head_width(config: Any) -> int:  # noqa: ANN401 - transformers has no types
    width: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return width


def _rope(config: Any) -> dict[str, Any]:  # noqa: ANN401 - transformers has no types
    found: dict[str, Any] = config.rope_parameters
    return found


def _write_scaling(file: GgufFile, config: PretrainedConfig) -> None:
    """How positions beyond the training length are turned; Llama 3 has a factor for each frequency."""
    rope = _rope(config)
    kind = rope.get("rope_type", "default")
    put = file.writer
    if kind == "llama3":
        for name in _LLAMA3:
            put.add_float32(f"doctorsun.rope.{name}", float(rope[name]))
        file.add(_FREQUENCIES, torch.tensor(_llama3_factors(rope, _head_width(config))))
    elif kind in {"linear", "yarn"}:
        put.add_rope_scaling_type(file.scaling(kind))
        put.add_rope_scaling_factor(float(rope["factor"]))
        if "original_max_position_embeddings" in rope:
            put.add_rope_scaling_orig_ctx_len(int(rope["original_max_position_embeddings"]))
    elif kind != "default":
        raise ModelError("convert.rope", target="gguf", found=kind)


def _llama3_factors(rope: dict[str, Any], width: int) -> list[float]:
    """What each frequency is divided by: 1 for short waves, `factor` for long ones, between them a blend."""
    factor, low, high, context = (float(rope[name]) for name in _LLAMA3)
    factors = []
    for number in range(0, width, 2):
        turns = context / (2 * math.pi * rope["rope_theta"] ** (number / width))
        share = min(max((turns - low) / (high - low), 0.0), 1.0)
        factors.append(1.0 / ((1.0 - share) / factor + share))
    return factors


def _config(kind: str, fields: dict[str, Any], tensors: Tensors, *, where: Path) -> PretrainedConfig:
    def value(name: str) -> Any:  # noqa: ANN401 - a number
        return field(fields, f"{kind}.{name}", where=where)

    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": fields.get(f"{kind}.rope.freq_base", 1e4)}
    scaling = fields.get(f"{kind}.rope.scaling.type", "none")
    if scaling != "none" or (_FREQUENCIES in tensors and "doctorsun.rope.factor" not in fields):
        raise ModelError("convert.rope", target="hf", found=scaling)
    if "doctorsun.rope.factor" in fields:
        rope |= {"rope_type": "llama3"} | {name: fields[f"doctorsun.rope.{name}"] for name in _LLAMA3}
        rope["original_max_position_embeddings"] = int(rope["original_max_position_embeddings"])
    heads = value("attention.head_count")
    width = fields.get(f"{kind}.attention.key_length", value("embedding_length") // heads)
    config: PretrainedConfig = AutoConfig.for_model(
        kind,
        hidden_size=value("embedding_length"),
        intermediate_size=value("feed_forward_length"),
        num_hidden_layers=value("block_count"),
        num_attention_heads=heads,
        num_key_value_heads=fields.get(f"{kind}.attention.head_count_kv", heads),
        max_position_embeddings=value("context_length"),
        rms_norm_eps=float(f"{value('attention.layer_norm_rms_epsilon'):.7g}"),
        vocab_size=tensors["token_embd.weight"].shape[0],
        tie_word_embeddings="output.weight" not in tensors,
        rope_parameters=rope,
        head_dim=width,
        attention_bias="blk.0.attn_q.bias" in tensors,
    )
    return config
