import io

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from doctorsun.core.errors import ModelError
from doctorsun.model.anatomy import FAMILIES as KNOWN
from doctorsun.model.anatomy import PARTS, anatomy
from doctorsun.model.reading import encoder_in
from doctorsun.model.store import load_model, save_model
from doctorsun.model.whole import join_inputs
from tests.model.families import FAMILIES, ONEVISION_CHAT, tiny_model, write_family
from tests.model.tiny import picture, tiny_parts, turn

families = pytest.mark.parametrize("family", FAMILIES)
SIZES = [(64, 30), (30, 64)]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("families")
    return {family: load_model(write_family(folder / family, family)) for family in FAMILIES}


def conversation(images, *, zh):
    first = "左肺有结节吗？" if zh else "Is there a nodule?"
    answer = "左肺可见一枚结节。" if zh else "Yes, in the left lung."
    return [
        turn("user", *[None] * images, first),
        turn("assistant", answer),
        turn("user", "12 mm?"),
        turn("assistant", "否。" if zh else "No."),
    ]


def theirs(parts, messages, pictures, *, ask=False):
    """The processor's own ids, with the pictures put into the turns."""
    left = iter(pictures)
    turns = [
        {
            "role": message.role,
            "content": [
                {"type": "image", "image": Image.open(io.BytesIO(next(left)))}
                if part.type == "image"
                else {"type": "text", "text": part.text}
                for part in message.content
            ],
        }
        for message in messages
    ]
    return list(parts.processor.apply_chat_template(turns, tokenize=True, add_generation_prompt=ask)[0])


@families
@pytest.mark.parametrize("zh", [False, True], ids=["en", "zh"])
@pytest.mark.parametrize("images", [0, 1, 2])
def test_ids_are_those_of_the_familys_own_processor(loaded, family, images, zh):
    parts = loaded[family]
    messages = conversation(images, zh=zh)
    pictures = [picture(seed, size=size) for seed, size in enumerate(SIZES[:images])]
    encoded = parts.encoder.encode(messages, sizes=SIZES[:images])
    assert encoded.ids == theirs(parts, messages, pictures)
    asked = parts.encoder.prompt(messages[:3], sizes=SIZES[:images])
    assert asked.ids == theirs(parts, messages[:3], pictures, ask=True)
    assert len(encoded.image_starts) == images
    assert all(encoded.ids[start] == parts.encoder.image_id for start in encoded.image_starts)


@families
def test_the_loss_covers_the_answers_and_their_end_tokens_alone(loaded, family):
    parts = loaded[family]
    encoded = parts.encoder.encode(conversation(1, zh=True), sizes=SIZES[:1])
    runs, run = [], []
    for number, mark in [*zip(encoded.ids, encoded.mask, strict=True), (0, False)]:
        if mark:
            run.append(number)
        elif run:
            runs.append(parts.encoder.tokenizer.decode(run))
            run = []
    end = parts.encoder.tokenizer.eos_token
    assert runs == [f"左肺可见一枚结节。{end}", f"否。{end}"]


def test_a_template_that_opens_answers_in_two_ways_is_followed_where_it_asks(tmp_path):
    folder = write_family(tmp_path / "one", "llava_onevision")
    published = ONEVISION_CHAT.replace("{{ message['role'] }}\n", "{{ message['role'] }} \n")
    assert published != ONEVISION_CHAT
    (folder / "chat_template.jinja").write_text(published, encoding="utf-8")
    encoder = load_model(folder).encoder
    messages = conversation(1, zh=False)
    asked, taught = (
        encoder.prompt(messages[:1], sizes=SIZES[:1]),
        encoder.encode(messages[:2], sizes=SIZES[:1]),
    )
    assert taught.ids[: len(asked.ids)] == asked.ids and not any(taught.mask[: len(asked.ids)])
    assert encoder.tokenizer.decode(taught.ids[len(asked.ids) :]) == "Yes, in the left lung.<|im_end|>\n"


@families
def test_a_control_token_that_someone_typed_stays_text(loaded, family):
    parts = loaded[family]
    token = parts.whole.token
    typed = [turn("user", None, f"What does {token} mean?"), turn("assistant", f"It is {token}.")]
    plain = [turn("user", None, "What does this mean?"), turn("assistant", "It is this.")]
    count = parts.encoder.encode(plain, sizes=SIZES[:1]).ids.count(parts.encoder.image_id)
    encoded = parts.encoder.encode(typed, sizes=SIZES[:1])
    assert encoded.ids.count(parts.encoder.image_id) == count
    assert token in parts.encoder.tokenizer.decode(
        [i for i, m in zip(encoded.ids, encoded.mask, strict=True) if m]
    )


@families
def test_there_are_as_many_image_tokens_as_features_whatever_the_picture(loaded, family):
    parts = loaded[family]
    for sizes in ([(64, 30)], [(30, 64)], [(33, 32)], SIZES):
        pictures = [picture(seed, size=size) for seed, size in enumerate(sizes)]
        encoded = parts.encoder.prompt([turn("user", *[None] * len(sizes), "?")], sizes=sizes)
        ids = torch.tensor([encoded.ids])
        kinds = {name: torch.tensor(rows) for name, rows in parts.whole.kinds([encoded.ids]).items()}
        with torch.inference_mode():  # the class itself refuses another number of features than of tokens
            logits = parts.model(input_ids=ids, **kinds, **parts.whole.inputs(pictures)).logits
        assert logits.isfinite().all()


@families
def test_a_batch_of_conversations_reads_as_each_alone(loaded, family):
    parts = loaded[family]
    lots = [
        [picture(0, size=(64, 30))],
        [],
        [picture(1, size=(32, 32))],
        [picture(2), picture(3, size=(30, 64))],
    ]
    sizes = [[Image.open(io.BytesIO(raw)).size for raw in lot] for lot in lots]
    rows = [
        parts.encoder.prompt([turn("user", *[None] * len(lot), "Is it?")], sizes=told).ids
        for lot, told in zip(lots, sizes, strict=True)
    ]
    longest = max(len(row) for row in rows)
    ids = torch.tensor([row + [parts.encoder.tokenizer.pad_token_id] * (longest - len(row)) for row in rows])
    real = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    inputs = [parts.whole.inputs(lot) for lot in lots]
    kinds = {name: torch.tensor(told) for name, told in parts.whole.kinds(ids.tolist()).items()}
    with torch.inference_mode():
        together = parts.model(
            input_ids=ids, attention_mask=real, **kinds, **join_inputs([one for one in inputs if one])
        ).logits
        for number, row in enumerate(rows):
            kinds = {name: torch.tensor(told) for name, told in parts.whole.kinds([row]).items()}
            alone = parts.model(input_ids=torch.tensor([row]), **kinds, **inputs[number]).logits[0]
            assert torch.allclose(together[number, : len(row)], alone, atol=1e-4), number


@families
def test_a_model_is_loaded_to_the_last_tensor_and_saved_with_its_own_processor(tmp_path, family):
    folder = write_family(tmp_path / "one", family)
    parts = load_model(folder)
    save_model(parts, tmp_path / "two")
    again = load_model(tmp_path / "two")
    assert all(
        torch.equal(tensor, again.model.state_dict()[name])
        for name, tensor in parts.model.state_dict().items()
    )
    for name in ("processor_config.json", "chat_template.jinja", "tokenizer.json"):
        assert (tmp_path / "two" / name).read_bytes() == (folder / name).read_bytes()
    messages = conversation(1, zh=False)
    assert encoder_in(tmp_path / "two").encode(messages, sizes=SIZES[:1]) == parts.encoder.encode(
        messages, sizes=SIZES[:1]
    )


def test_a_tensor_that_is_missing_or_left_over_refuses_by_name(tmp_path):
    folder = write_family(tmp_path / "one", "qwen3_vl")
    weights = load_file(folder / "model.safetensors")
    name = next(key for key in weights if "merger" in key)
    save_file(
        {key: value for key, value in weights.items() if key != name},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    assert caught.value.key == "model.missing_keys" and "merger" in str(caught.value)
    save_file(
        {**weights, "model.visual.extra": weights[name].clone()},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    assert caught.value.key == "model.unexpected_keys" and "extra" in str(caught.value)


def test_remote_code_is_refused(tmp_path):
    folder = write_family(tmp_path / "one", "internvl")
    (folder / "modeling.py").write_text("", encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    assert caught.value.key == "model.unsafe_file"


def test_a_class_that_is_not_known_says_which_are():
    with pytest.raises(ModelError) as caught:
        anatomy(tiny_parts().model.model.language_model)
    assert all(family in str(caught.value) for family in KNOWN)


@families
def test_every_parameter_belongs_to_one_part_and_the_layers_are_found(family):
    model = tiny_model(family)
    body = anatomy(model)
    parts = {name: body.part_of(name) for name, _ in model.named_parameters()}
    assert set(parts.values()) == set(PARTS)
    assert len(model.get_submodule(body.vision_layers)) == 3
    assert len(model.get_submodule(body.language_layers)) == 2


@families
def test_what_gets_no_gradient_is_what_the_anatomy_says_lies_behind(loaded, family):
    parts = loaded[family]
    encoded = parts.encoder.encode(conversation(1, zh=False), sizes=SIZES[:1])
    kinds = {name: torch.tensor(told) for name, told in parts.whole.kinds([encoded.ids]).items()}
    parts.model.zero_grad()
    ids = torch.tensor([encoded.ids])
    parts.model(
        input_ids=ids, labels=ids, **kinds, **parts.whole.inputs([picture(0, size=(64, 30))])
    ).loss.backward()
    behind = tuple(f"{path}." for path in anatomy(parts.model).behind) or ("\0",)
    eyes = [
        (name, p)
        for name, p in parts.model.named_parameters()
        if anatomy(parts.model).part_of(name) == "vision"
    ]
    for name, parameter in eyes:
        assert (parameter.grad is None or not parameter.grad.any()) == name.startswith(behind), name
    parts.model.zero_grad()


def test_a_picture_that_is_none_is_named(loaded):
    with pytest.raises(Exception) as caught:
        loaded["qwen3_vl"].whole.inputs([picture(), b"nothing"])
    assert "1" in str(caught.value)


def test_levels_of_another_picture_are_other_inputs(loaded):
    first, second = (loaded["gemma3"].whole.inputs([picture(seed)])["pixel_values"] for seed in (0, 1))
    assert np.abs((first - second).numpy()).max() > 0.1
