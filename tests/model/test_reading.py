"""How many tokens a picture is, told from a recipe before there is a model, and as a page shows them."""

from types import SimpleNamespace

import pytest

from doctorsun.cli.token_view import token_view
from doctorsun.core.schema import Picture
from doctorsun.model.assemble import assemble
from doctorsun.model.reading import encoder_for, encoder_in
from tests.model.families import write_family
from tests.model.tiny import TEXTS, picture, tiny_config, tiny_parts, tiny_tokenizer, turn


@pytest.mark.parametrize("kind", ["clip", "siglip", "dinov3_vit", "dinov2_with_registers"])
def test_a_recipe_tells_as_many_image_tokens_as_its_model_has(kind):
    config = tiny_config(vision={"kind": kind})
    made = assemble(config, tiny_tokenizer(), seed=0)
    assert encoder_for(config, TEXTS).image_tokens == made.encoder.image_tokens


def test_an_encoder_of_a_folder_is_counted_by_its_own_sizes(tmp_path):
    tiny_parts(vision={"image_px": 48}).model.model.vision_tower.save_pretrained(tmp_path)
    tree = tiny_config().model_dump(by_alias=True)
    config = type(tiny_config()).model_validate(
        {"vision": {"from": str(tmp_path)}, "language": {k: v for k, v in tree["language"].items() if v}}
    )
    assert encoder_for(config, TEXTS).image_tokens == (48 // 8) ** 2


def test_a_page_shows_what_a_whole_model_writes_for_pictures_of_two_sizes(tmp_path):
    folder = write_family(tmp_path / "whole", "qwen3_vl")
    raw = [picture(1, size=(64, 32)), picture(2, size=(32, 32))]
    sample = SimpleNamespace(
        id="one",
        images=[Picture(one, "a.png") for one in raw],
        messages=(turn("user", None, None, "?"), turn("assistant", "!")),
    )
    shown = [token.text for token in token_view(str(folder), None)(sample)]
    encoder = encoder_in(folder)
    told = encoder.encode(sample.messages, sizes=[(64, 32), (32, 32)])
    lengths = [int(text[8:-1]) for text in shown if text.startswith("<image ×")]
    assert len(set(lengths)) == 2 and sum(lengths) == told.ids.count(encoder.image_id)


def test_two_pictures_side_by_side_are_two_on_the_page(tmp_path):
    from doctorsun.model.store import save_model

    save_model(tiny_parts(), tmp_path / "tiny")
    sample = SimpleNamespace(
        id="one",
        images=[Picture(picture(), "a.png")] * 2,
        messages=(turn("user", None, None, "?"), turn("assistant", "!")),
    )
    shown = [token.text for token in token_view(str(tmp_path / "tiny"), None)(sample)]
    assert shown.count("<image ×16>") == 2
