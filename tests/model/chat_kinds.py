"""Tokenizers with chat templates of the kinds that are in use, made small: same token layout, own words."""

import json
from functools import cache

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from tests.model.tiny import TEXTS, tiny_tokenizer

KINDS = ("tiny", "llama3", "qwen", "gemma")

LLAMA3 = """{{- bos_token -}}
{%- for message in messages -%}
{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + message.content | trim + '<|eot_id|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}{%- endif -%}"""

QWEN = """{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"""

GEMMA = """{{- bos_token -}}
{%- if messages[0].role == 'system' -%}{{- raise_exception('no system role') -}}{%- endif -%}
{%- for message in messages -%}
{%- if (message.role == 'user') != (loop.index0 % 2 == 0) -%}
{{- raise_exception('roles must alternate') -}}
{%- endif -%}
{%- set role = 'model' if message.role == 'assistant' else message.role -%}
{{- '<start_of_turn>' + role + '\n' + message.content | trim + '<end_of_turn>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<start_of_turn>model\n' -}}{%- endif -%}"""

QWEN_THINKING = QWEN.replace(
    "message.content +",
    "(message.content if loop.last or message.role == 'user' else message.content.split('(/think)')[-1]) +",
)
TRIMS_PAST = QWEN.replace("message.content +", "(message.content if loop.last else message.content | trim) +")
OPENS_OTHERWISE = QWEN.replace("'<|im_start|>assistant\n'", "'<|im_start|>assistant: '")

TEMPLATES = {
    "llama3": (LLAMA3, ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>"], "<|eot_id|>"),
    "qwen": (QWEN, ["<|im_start|>"], "<|im_end|>"),
    "gemma": (GEMMA, ["<bos>", "<start_of_turn>", "<unk>"], "<end_of_turn>"),
    "qwen_thinking": (QWEN_THINKING, ["<|im_start|>"], "<|im_end|>"),
    "trims_past": (TRIMS_PAST, ["<|im_start|>"], "<|im_end|>"),
    "opens_otherwise": (OPENS_OTHERWISE, ["<|im_start|>"], "<|im_end|>"),
}


@cache
def tokenizer_of(kind: str, *, bare: bool = False) -> PreTrainedTokenizerFast:
    """A tokenizer of the kind, trained on a few words; gemma's is of the sentence piece kind.

    A `bare` one knows no image and no padding, as a language model's does before it is made a LLaVA's.
    """
    if kind == "tiny":
        return tiny_tokenizer()
    template, special, end = TEMPLATES[kind]
    backend = _sentence_pieces() if kind == "gemma" else byte_level(normalise=kind.startswith("qwen"))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=special[0] if kind in {"llama3", "gemma"} else None,
        eos_token=end,
        pad_token=None if bare else "<|pad|>",
        unk_token="<unk>" if kind == "gemma" else None,
        additional_special_tokens=special if bare else ["<image>", *special],
    )
    if kind == "llama3":
        begin = tokenizer.convert_tokens_to_ids("<|begin_of_text|>")
        tokenizer.backend_tokenizer.post_processor = processors.Sequence(
            [
                processors.ByteLevel(trim_offsets=True),
                processors.TemplateProcessing(
                    single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", begin)]
                ),
            ]
        )
    tokenizer.chat_template = template
    return tokenizer


def byte_level(*, normalise: bool) -> Tokenizer:
    backend = Tokenizer(models.BPE())
    if normalise:
        backend.normalizer = normalizers.NFC()
    pattern = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.ByteLevel(trim_offsets=True)
    trainer = trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    backend.train_from_iterator([*TEXTS, *["one\n\ntwo"] * 20], trainer)
    return backend


def _sentence_pieces() -> Tokenizer:
    backend = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous")
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    special = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=special, show_progress=False)
    backend.train_from_iterator(TEXTS, trainer)
    tree = json.loads(backend.to_str())
    tree["added_tokens"] = [token for token in tree["added_tokens"] if token["content"] == "<unk>"]
    return Tokenizer.from_str(json.dumps(tree))
