"""The tiny model's tokenizer: byte-level BPE trained on zh and en text, with a small chat template.

The pre-tokenizer is the Qwen2 kind (llama.cpp: `qwen2`): one digit a piece, no normaliser, so every text
comes back to the byte.
"""

from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

IMAGE_TOKEN = "<image>"
PAD_TOKEN = "<|pad|>"
END_TOKEN = "<|end|>"
ROLE_TOKENS = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"}

_PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_LONGEST = 12
_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>' + message['content'] | trim + '<|end|>' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)


def train_tokenizer(texts: Iterable[str], *, size: int, context: int = 1024) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of at most `size` tokens, the same for the same texts in the same order.

    Each distinct text counts once and no token is longer than `_LONGEST` bytes: Chinese has no spaces, so
    what is often repeated would become a token of a whole question, and other words for it would be unknown.
    """
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    special = [PAD_TOKEN, END_TOKEN, IMAGE_TOKEN, *ROLE_TOKENS.values()]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in special],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=_LONGEST,
        show_progress=False,
    )
    backend.train_from_iterator(dict.fromkeys(texts), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token=PAD_TOKEN,
        eos_token=END_TOKEN,
        additional_special_tokens=[IMAGE_TOKEN, *ROLE_TOKENS.values()],
        clean_up_tokenization_spaces=False,
        model_max_length=context,
        padding_side="left",
    )
    tokenizer.chat_template = _TEMPLATE
    return tokenizer
