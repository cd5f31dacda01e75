"""A byte-level BPE tokenizer in the fields of a GGUF, and back; the pre-tokenizer by llama.cpp's own name."""

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as Engine
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from doctorsun.core.errors import ModelError
from doctorsun.model.gguf_file import field
from doctorsun.model.parts import Parts

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
# The pattern that cuts a text into pieces -> llama.cpp's name for it.
PATTERNS = {
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+": "qwen2",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+": "llama-bpe",
}


def write_tokens(parts: Parts, put: Any) -> None:  # noqa: ANN401 - a writer of a package without types
    """Put tokens, merges, special ids and chat template into a file; ModelError for another tokenizer."""
    tokenizer = parts.encoder.tokenizer
    tree = json.loads(tokenizer.backend_tokenizer.to_str())
    put.add_tokenizer_model("gpt2")
    put.add_tokenizer_pre(pattern_name(tree))
    texts, kinds = token_list(tokenizer, size=parts.model.config.text_config.vocab_size)
    put.add_token_list(texts)
    put.add_token_types(kinds)
    merges = tree["model"]["merges"]
    put.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in merges])
    put.add_eos_token_id(parts.encoder.end_id if tokenizer.eos_token_id is None else tokenizer.eos_token_id)
    put.add_eot_token_id(parts.encoder.end_id)
    put.add_pad_token_id(tokenizer.pad_token_id)
    if tokenizer.bos_token_id is not None:
        put.add_bos_token_id(tokenizer.bos_token_id)
    # The template writes what a conversation begins with; a second one is not what the model has learnt.
    put.add_add_bos_token(False)
    put.add_chat_template(str(tokenizer.chat_template))


def pattern_name(tree: dict[str, Any]) -> str:
    """llama.cpp's name of a tokenizer's way to cut texts; ModelError lists those that are known."""
    if tree["model"]["type"] != "BPE" or tree["model"].get("byte_fallback"):
        raise ModelError("convert.tokenizer_kind", found=tree["model"]["type"], known=_known())
    steps = (tree.get("pre_tokenizer") or {}).get("pretokenizers") or [tree.get("pre_tokenizer") or {}]
    found = [step["pattern"].get("Regex", "") for step in steps if step.get("type") == "Split"]
    name = PATTERNS.get(found[0]) if len(found) == 1 else None
    if name is None:
        raise ModelError("convert.tokenizer_kind", found="BPE", known=_known())
    return name


def token_list(tokenizer: PreTrainedTokenizerBase, *, size: int) -> tuple[list[str], list[int]]:
    """The text and the kind of each id; places beyond the tokenizer are filled with names of nothing."""
    texts = [f"[PAD{number}]" for number in range(size)]
    kinds = [UNUSED] * size
    for text, number in tokenizer.get_vocab().items():
        texts[number], kinds[number] = text, NORMAL
    for number, token in tokenizer.added_tokens_decoder.items():
        texts[number], kinds[number] = token.content, CONTROL if token.special else USER_DEFINED
    return texts, kinds


def read_tokens(fields: dict[str, Any], *, where: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a file, with its chat template."""
    name = str(fields.get("tokenizer.ggml.pre"))
    pattern = next((pattern for pattern, known in PATTERNS.items() if known == name), None)
    if fields.get("tokenizer.ggml.model") != "gpt2" or pattern is None:
        raise ModelError("convert.tokenizer_kind", found=name, known=_known())
    texts = [str(text) for text in field(fields, "tokenizer.ggml.tokens", where=where)]
    kinds = field(fields, "tokenizer.ggml.token_type", where=where)
    lines = field(fields, "tokenizer.ggml.merges", where=where)
    merges = [(left, right) for left, _, right in (str(one).partition(" ") for one in lines)]
    added = {number: kind for number, kind in enumerate(kinds) if kind in {CONTROL, USER_DEFINED}}
    vocabulary = {text: number for number, text in enumerate(texts) if kinds[number] != UNUSED}
    engine = Engine(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=name == "llama-bpe"))
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    engine.decoder = decoders.ByteLevel()
    engine.add_tokens(
        [AddedToken(texts[n], special=kind == CONTROL, normalized=False) for n, kind in added.items()]
    )
    special = {
        f"{word}_token": texts[fields[f"tokenizer.ggml.{key}_token_id"]]
        for word, key in (("eos", "eos"), ("pad", "padding"), ("bos", "bos"))
        if f"tokenizer.ggml.{key}_token_id" in fields
    }
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=engine, clean_up_tokenization_spaces=False, padding_side="left", **special
    )
    tokenizer.chat_template = fields.get("tokenizer.chat_template")
    if not tokenizer.chat_template:
        raise ModelError("convert.no_template", where=where)
    return tokenizer


def _known() -> str:
    return ", ".join(sorted(PATTERNS.values()))
