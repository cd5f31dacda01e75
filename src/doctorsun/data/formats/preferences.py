"""Rows with a better and a worse answer, however they spell it -> rows of one talk with the worse one beside.

TRL's `prompt`, `chosen`, `rejected` as texts or as turns, the prompt inside or apart; LLaMA-Factory's ranking
rows, sharegpt and alpaca; ms-swift's `rejected_response` and `rejected_messages`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from doctorsun.data.formats.layout import Layout, first_of

Row = Mapping[str, Any]
Turns = list[Mapping[str, Any]]
PAIR = "rejected"
# What is wrong with a pair: a reason by which a row is counted.
NO_PAIR = "data.bad_pair"
_PROMPTS = ("prompt", "question")


def paired(row: Row, layout: Layout) -> Row | str:
    """The row with its whole talk and the text of the worse answer under `rejected`, else the reason.

    A row without a worse answer comes back as it is.
    """
    worse, better = first_of(row, layout.rejected), first_of(row, layout.chosen)
    if not isinstance(worse, str | dict | list) or (better is None and not worse):
        return row
    if better is None:
        prompt, answers = _whole(row, layout, worse)
    else:
        prompt, answers = _apart(row, layout, better, worse)
    said = [_one_answer(each, layout) for each in answers]
    if None in said:
        return NO_PAIR
    texts = [_text(turn, layout) for turn in said if turn is not None]
    if not all(text.strip() for text in texts) or texts[0].strip() == texts[1].strip():
        return NO_PAIR
    apart = (*layout.rejected, *layout.chosen, *layout.messages)
    rest = {name: value for name, value in row.items() if name not in apart}
    return {**rest, layout.messages[0]: [*prompt, said[0]], PAIR: texts[1]}


def _whole(row: Row, layout: Layout, worse: object) -> tuple[Turns, list[Turns]]:
    """The prompt and both answers of a row whose talk ends with the better one."""
    turns = _turns(first_of(row, layout.messages), layout)
    other = _turns(worse, layout)
    if len(other) > 1:
        # A talk that is told twice, to its other end.
        return turns[:-1], [turns[-1:], other[len(turns) - 1 :] if other[:-1] == turns[:-1] else []]
    return turns[:-1], [turns[-1:], other]


def _apart(row: Row, layout: Layout, better: object, worse: object) -> tuple[Turns, list[Turns]]:
    """The prompt and both answers of a row that names both; what both begin with is prompt as well."""
    answers = [_turns(better, layout), _turns(worse, layout)]
    shared = 0
    for one, other in zip(*answers, strict=False):
        if one != other:
            break
        shared += 1
    inside = answers[0][:shared]
    told = _prompt(row, layout)
    # A prompt that stands in the answers too is told once.
    prompt = inside if inside and any(_user(turn, layout) for turn in inside) else [*told, *inside]
    return prompt, [each[shared:] for each in answers]


def _prompt(row: Row, layout: Layout) -> Turns:
    told = first_of(row, (*layout.messages, *_PROMPTS))
    if isinstance(told, list):
        return [turn for turn in told if isinstance(turn, dict)]
    if isinstance(told, str):
        return [_turn("user", told, layout)]
    asked = [part for part in (row.get("instruction"), row.get("input")) if isinstance(part, str) and part]
    history = row.get("history")
    pairs = [pair for pair in history if isinstance(pair, list)] if isinstance(history, list) else []
    earlier = [
        _turn(role, words, layout)
        for pair in pairs
        for role, words in zip(("user", "assistant"), pair, strict=False)
        if isinstance(words, str)
    ]
    return [*earlier, _turn("user", "\n".join(asked), layout)] if asked else earlier


def _turns(said: object, layout: Layout) -> Turns:
    """Turns from a text, from one turn, or from a list of them; none where it is none of these."""
    if isinstance(said, str):
        return [_turn("assistant", said, layout)]
    if isinstance(said, dict):
        return [said]
    return [turn for turn in said if isinstance(turn, dict)] if isinstance(said, list) else []


def _turn(role: str, text: str, layout: Layout) -> Mapping[str, Any]:
    name = next(name for name, known in layout.roles.items() if known == role)
    return {layout.role[0]: name, layout.content[0]: text}


def _one_answer(turns: Turns, layout: Layout) -> Mapping[str, Any] | None:
    """The only turn of these, if it is an answer."""
    if len(turns) != 1:
        return None
    return turns[0] if layout.role_of(turns[0]) == "assistant" else None


def _user(turn: Mapping[str, Any], layout: Layout) -> bool:
    return layout.role_of(turn) == "user"


def _text(turn: Mapping[str, Any], layout: Layout) -> str:
    """The words of a turn, from a text or from typed parts."""
    said = first_of(turn, layout.content)
    if isinstance(said, str):
        return said
    parts: Sequence[object] = said if isinstance(said, list) else ()
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, dict))
