import string
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from doctorsun.model.encode import EncodeError, Encoder
from tests.model.chat_kinds import KINDS, tokenizer_of
from tests.model.tiny import tiny_tokenizer, turn

TYPED = {token for kind in KINDS for token in tokenizer_of(kind).all_special_tokens}
CONTROL_FREE = st.text(
    alphabet=st.one_of(
        st.characters(exclude_categories=("Cs",)), st.sampled_from("左肺结节是否 \n\t<|>12.,，。")
    ),
    min_size=1,
    max_size=40,
).filter(lambda text: text.strip() and not any(token in text for token in TYPED))
ODD_KINDS = ("qwen_thinking", "trims_past")
ENCODERS = {kind: Encoder(tokenizer_of(kind), image_tokens=3) for kind in (*KINDS, *ODD_KINDS)}
kinds = pytest.mark.parametrize("kind", KINDS)


def composed(text):
    """A text in normal form C: Qwen's tokenizer writes compatibility characters anew."""
    return unicodedata.normalize("NFC", text)


def learnt(encoder, encoded):
    """The texts of the runs of learnt tokens, special tokens shown."""
    runs, run = [], []
    for number, mark in [*zip(encoded.ids, encoded.mask, strict=True), (0, False)]:
        if mark:
            run.append(number)
        elif run:
            runs.append(encoder.tokenizer.decode(run))
            run = []
    return runs


def template_ids(encoder, messages, *, ask=False):
    content = [
        {"role": m.role, "content": "".join("<image>\n" if p.type == "image" else p.text for p in m.content)}
        for m in messages
    ]
    return encoder.tokenizer.apply_chat_template(content, add_generation_prompt=ask, return_dict=False)


def shrunk(encoder, encoded):
    """The ids with each image's run of tokens made one again."""
    ids = list(encoded.ids)
    for start in reversed(encoded.image_starts):
        assert ids[start : start + encoder.image_tokens] == [encoder.image_id] * encoder.image_tokens
        del ids[start + 1 : start + encoder.image_tokens]
    return ids


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@example(question="0", answer="\uf900", second="0", images=0)
@example(question="0", answer="0 0", second="0", images=0)
@given(question=CONTROL_FREE, answer=CONTROL_FREE, second=CONTROL_FREE, images=st.integers(0, 2))
def test_ids_are_those_of_the_tokenizers_own_template(kind, question, answer, second, images):
    encoder = ENCODERS[kind]
    answer = answer.strip()
    messages = [
        turn("user", *[None] * images, question),
        turn("assistant", answer),
        turn("user", second),
        turn("assistant", answer + "!"),
    ]
    encoded = encoder.encode(messages)
    assert shrunk(encoder, encoded) == template_ids(encoder, messages)
    asked = encoder.prompt(messages[:3])
    assert shrunk(encoder, asked) == template_ids(encoder, messages[:3], ask=True)
    assert encoded.ids[: len(asked.ids)] == asked.ids
    assert composed(learnt(encoder, encoded)[-1]).startswith(composed(answer))
    assert len(encoded.image_starts) == images
    assert not any(
        mark for number, mark in zip(encoded.ids, encoded.mask, strict=True) if number == encoder.image_id
    )


GOLDEN = {
    "tiny": "<|user|>{image}\nIs there a nodule?<|end|><|assistant|>[Yes.<|end|>]<|user|>左肺呢？<|end|>"
    "<|assistant|>[左肺可见结节。<|end|>]",
    "llama3": "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{image}\nIs there a nodule?"
    "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n[Yes.<|eot_id|>]<|start_header_id|>user<|end_header_id|>"
    "\n\n左肺呢？<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n[左肺可见结节。<|eot_id|>]",
    "qwen": "<|im_start|>user\n{image}\nIs there a nodule?<|im_end|>\n<|im_start|>assistant\n[Yes."
    "<|im_end|>]\n<|im_start|>user\n左肺呢？<|im_end|>\n<|im_start|>assistant\n[左肺可见结节。<|im_end|>]\n",
    "gemma": "<bos><start_of_turn>user\n{image}\nIs there a nodule?<end_of_turn>\n<start_of_turn>model\n"
    "[Yes.<end_of_turn>]\n<start_of_turn>user\n左肺呢？<end_of_turn>\n<start_of_turn>model\n"
    "[左肺可见结节。<end_of_turn>]\n",
}


@kinds
def test_the_loss_covers_exactly_the_answers_and_their_end_tokens_in_english_and_chinese(kind):
    encoder = ENCODERS[kind]
    messages = [
        turn("user", None, "Is there a nodule?"),
        turn("assistant", "Yes."),
        turn("user", "左肺呢？"),
        turn("assistant", "左肺可见结节。"),
    ]
    encoded = encoder.encode(messages)
    shown, before = "", False
    for place, (number, mark) in enumerate(zip(encoded.ids, encoded.mask, strict=True)):
        shown += "[" if mark and not before else "]" if before and not mark else ""
        before = mark
        if number != encoder.image_id or place in encoded.image_starts:
            shown += f"\x00{number}\x00"
    # Tokens may be parts of a character, so runs between brackets are decoded as a whole.
    text = decode_marked(encoder, shown + ("]" if before else ""))
    assert text == GOLDEN[kind].format(image="<image>")


def decode_marked(encoder, shown):
    text, ids = "", []
    for piece in shown.replace("[", "\x00[\x00").replace("]", "\x00]\x00").split("\x00"):
        if piece in ("[", "]"):
            text, ids = text + encoder.tokenizer.decode(ids) + piece, []
        elif piece:
            ids.append(int(piece))
    return text + encoder.tokenizer.decode(ids)


@kinds
@pytest.mark.parametrize("images", [0, 1, 3])
def test_each_image_is_as_many_tokens_as_the_encoder_gives_features(kind, images):
    encoder = ENCODERS[kind]
    encoded = encoder.encode([turn("user", *[None] * images, "What?"), turn("assistant", "肺")])
    assert encoded.ids.count(encoder.image_id) == 3 * images
    assert len(encoded.image_starts) == images
    for start in encoded.image_starts:
        assert encoded.ids[start : start + 3] == [encoder.image_id] * 3


@kinds
def test_an_image_between_two_texts_keeps_its_place(kind):
    encoder = ENCODERS[kind]
    messages = [turn("user", "before ", None, "after"), turn("assistant", "Yes")]
    assert shrunk(encoder, encoder.encode(messages)) == template_ids(encoder, messages)


@kinds
def test_a_control_token_that_a_person_typed_stays_text(kind):
    encoder = ENCODERS[kind]
    control = sorted(encoder.tokenizer.all_special_tokens)
    typed = " ".join(control)
    plain = encoder.encode([turn("user", None, "x"), turn("assistant", "y")])
    encoded = encoder.encode([turn("user", None, f"x{typed}z"), turn("assistant", f"{typed}y")])
    special = set(encoder.tokenizer.all_special_ids)
    assert [n for n in encoded.ids if n in special] == [n for n in plain.ids if n in special]
    assert encoder.tokenizer.decode(encoded.ids).count(typed) == 2
    assert learnt(encoder, encoded) == [f"{typed}y{encoder.tokenizer.convert_ids_to_tokens(encoder.end_id)}"]
    asked = encoder.prompt([turn("user", None, f"x{typed}z")])
    assert encoded.ids[: len(asked.ids)] == asked.ids
    assert len(asked.image_starts) == 1


@kinds
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_text_can_make_a_control_token(kind, data):
    encoder = ENCODERS[kind]
    scraps = [*encoder.tokenizer.all_special_tokens, "<", "|", ">", "<|", "image>", "im", "_", "a", " ", "肺"]
    text = st.lists(st.sampled_from(scraps), min_size=1, max_size=8).map("".join).filter(lambda t: t.strip())
    question, answer = data.draw(text), data.draw(text).strip()
    plain = encoder.encode([turn("user", None, "x"), turn("assistant", "y")])
    encoded = encoder.encode([turn("user", None, question), turn("assistant", answer)])
    special = set(encoder.tokenizer.all_special_ids)
    assert [n for n in encoded.ids if n in special] == [n for n in plain.ids if n in special]
    end = encoder.tokenizer.convert_ids_to_tokens(encoder.end_id)
    assert "".join(learnt(encoder, encoded)) == answer + end


def test_a_template_without_a_system_role_gets_it_before_the_first_question():
    encoder = ENCODERS["gemma"]
    with_system = [turn("system", "Be brief."), turn("user", None, "What?"), turn("assistant", "肺")]
    folded = [turn("user", "Be brief.\n\n", None, "What?"), turn("assistant", "肺")]
    assert encoder.encode(with_system) == encoder.encode(folded)
    assert ENCODERS["qwen"].encode(with_system) != ENCODERS["qwen"].encode(folded)


def test_a_template_that_strips_thinking_of_past_turns_learns_the_last_turn_only():
    encoder = ENCODERS["qwen_thinking"]
    messages = [
        turn("user", "Is it so?"),
        turn("assistant", "(think)hm(/think)Yes."),
        turn("user", "Sure?"),
        turn("assistant", "(think)well(/think)No."),
    ]
    encoded = encoder.encode(messages)
    assert learnt(encoder, encoded) == ["(think)well(/think)No.<|im_end|>"]
    assert shrunk(encoder, encoded) == template_ids(encoder, messages)
    assert learnt(encoder, encoder.encode([turn("user", "a"), turn("assistant", "b"), *messages[:2]])) == [
        "b<|im_end|>",
        "(think)hm(/think)Yes.<|im_end|>",
    ]


def test_a_template_that_trims_past_turns_only_learns_the_last_turn_only():
    encoder = ENCODERS["trims_past"]
    messages = [turn("user", "a"), turn("assistant", "Yes. "), turn("user", "b"), turn("assistant", "No. ")]
    encoded = encoder.encode(messages)
    assert learnt(encoder, encoded) == ["No. <|im_end|>"]
    assert shrunk(encoder, encoded) == template_ids(encoder, messages)


def test_a_template_with_begin_token_puts_it_once_even_if_the_tokenizer_adds_one_too():
    encoder = ENCODERS["llama3"]
    ids = encoder.encode([turn("user", "a"), turn("assistant", "b")]).ids
    begin = encoder.tokenizer.convert_tokens_to_ids("<|begin_of_text|>")
    assert ids.count(begin) == 1 and ids[0] == begin
    assert encoder.tokenizer("a").input_ids[0] == begin


@kinds
def test_a_word_of_the_template_as_the_text_is_not_mistaken_for_the_template(kind):
    encoder = ENCODERS[kind]
    encoded = encoder.encode(
        [turn("user", "user"), turn("assistant", "assistant"), turn("user", "\n"), turn("assistant", "user")]
    )
    end = encoder.tokenizer.convert_ids_to_tokens(encoder.end_id)
    assert learnt(encoder, encoded) == [f"assistant{end}", f"user{end}"]


def test_what_cannot_be_learnt_is_an_error_that_names_the_sample_and_never_its_text():
    encoder = ENCODERS["qwen"]
    for messages in (
        [turn("user", "secret")],
        [turn("user", "secret"), turn("assistant", " \n")],
        [turn("assistant", "secret")],
        [turn("user", "secret"), turn("assistant", None, "secret")],
        [turn("user", "q"), turn("assistant", "\nsecret")],
    ):
        with pytest.raises(EncodeError) as caught:
            encoder.encode(messages, where="vqa_rad/7")
        assert "vqa_rad/7" in str(caught.value)
        assert "secret" not in str(caught.value)


def test_a_template_that_refuses_says_what_it_refuses():
    with pytest.raises(EncodeError) as caught:
        ENCODERS["gemma"].encode([turn("user", "a"), turn("user", "b"), turn("assistant", "c")], where="x/1")
    assert "x/1" in str(caught.value) and "alternate" in str(caught.value)


def test_a_template_whose_last_answer_starts_unlike_its_question_is_refused():
    with pytest.raises(EncodeError) as caught:
        Encoder(tokenizer_of("opens_otherwise"), image_tokens=3)
    assert "chat_template" in str(caught.value)


def test_the_tiny_tokenizer_gives_every_text_back():
    tokenizer = tiny_tokenizer()
    for text in (
        string.printable,
        "左肺可见结节，大小约12毫米。",
        "é e\u0301 \u200d 👩‍⚕️\x00",
        "  two  spaces ",
    ):
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


def test_the_same_texts_train_the_same_tokenizer():
    first, second = tiny_tokenizer(), tiny_tokenizer()
    assert first.backend_tokenizer.to_str() == second.backend_tokenizer.to_str()
