"""A plain bilingual chat template, for language models that come without one (base models)."""

from transformers import PreTrainedTokenizerBase

from doctorsun.model.tokenizer import END_TOKEN

# Every answer begins on a line of its own, so that no token holds both a label and the start of an answer.
PLAIN = """\
{#- plain zh/en template of Doctor Sun -#}
{%- for message in messages -%}
{%- if message['role'] == 'system' -%}{{- message['content'] | trim + '\\n\\n' -}}
{%- elif message['role'] == 'user' -%}{{- '问 Question:\\n' + message['content'] | trim + '\\n\\n' -}}
{%- else -%}{{- '答 Answer:\\n' + message['content'] | trim + eos_token + '\\n\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '答 Answer:\\n' -}}{%- endif -%}"""


def give_template(tokenizer: PreTrainedTokenizerBase) -> None:
    """Let a tokenizer write the plain template, begun as it begins a text; one without an end gets one."""
    if tokenizer.eos_token is None:
        tokenizer.add_special_tokens({"eos_token": END_TOKEN})
    ids = tokenizer("?").input_ids
    begins = tokenizer.bos_token is not None and ids[:1] == [tokenizer.bos_token_id]
    tokenizer.chat_template = ("{{- bos_token -}}\n" if begins else "") + PLAIN


def is_plain(template: str | None) -> bool:
    """Whether a template is the plain one."""
    return template is not None and PLAIN in template
