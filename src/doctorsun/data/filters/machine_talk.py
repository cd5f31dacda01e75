"""Sentences in which a chat model speaks of itself are taken out of answers."""

import re

from doctorsun.data.filtering import Seen

REASON = "data.machine_talk"
_SENTENCE = re.compile(r"[^。！？!?\n.]*(?:[。！？!?\n]+|\.(?=\s|$)|\.|$)")
_ITSELF = re.compile(
    r"\bas an? (?:ai|artificial intelligence|large language model|language model)\b"
    r"|\bi(?:'m| am) (?:just |only )?an? (?:ai|artificial intelligence|language model|virtual assistant)\b"
    r"|\bmy knowledge (?:cutoff|was last updated)\b"
    r"|\b(?:trained|developed|created|made) by openai\b|由\s*openai\s*(?:开发|训练)"
    r"|作为(?:一个|一名|一款)?(?:人工智能|AI|语言模型|大模型|大型语言模型)"
    r"|我(?:只)?是(?:一个|一名|一款)?(?:人工智能|AI|语言模型|虚拟助手|聊天机器人)"
    r"|我的(?:训练数据|知识)截止",
    re.IGNORECASE,
)


def mend(seen: Seen) -> str:
    """The answer without such sentences; an answer of nothing else becomes empty and falls by that."""
    answer = seen.text.answer
    if not _ITSELF.search(answer):
        return answer
    kept = [part for part in _SENTENCE.findall(answer) if part and not _ITSELF.search(part)]
    return "".join(kept).strip()
