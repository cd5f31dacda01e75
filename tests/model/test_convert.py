"""hf -> another format -> hf gives the same model, for several families."""

import json

import pytest
import torch
from transformers import CLIPVisionModel, LlamaForCausalLM

from doctorsun.core.files import sha256_file
from doctorsun.model.conversion import convert, recognise
from doctorsun.model.shards import read_shards
from doctorsun.model.store import load_model, read_about, save_model
from tests.model.kin import CONVERSATION, assert_same_model, kin, logits, shapes
from tests.model.tiny import picture

FAMILIES = [("llama", "clip"), ("qwen2", "siglip"), ("qwen3", "clip"), ("mistral", "siglip")]
ROADS = [(to, *family) for to in ("hf", "llava", "xtuner") for family in FAMILIES]
ROADS = [road for road in ROADS if road[:2] != ("llava", "qwen3")]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of each family's model, saved as a run saves it."""
    place = tmp_path_factory.mktemp("kin")
    for family in FAMILIES:
        save_model(kin(*family), place / "-".join(family), about={"recipe": {"name": "kin"}})
    return lambda *family: place / "-".join(family)


@pytest.mark.parametrize("road", ROADS, ids="-".join)
def test_there_and_back_is_the_same_model(road, saved, tmp_path):
    to, *family = road
    there = convert(saved(*family), tmp_path / "there", to=to)
    assert there.source == "hf" and recognise(tmp_path / "there") == to
    back = convert(tmp_path / "there", tmp_path / "back", to="hf")
    assert back.source == to
    assert_same_model(load_model(saved(*family)), load_model(tmp_path / "back"))
    assert [step["to"] for step in read_about(tmp_path / "back")["converted"]] == [to, "hf"]
    assert read_about(tmp_path / "back")["recipe"] == {"name": "kin"}


def test_the_written_layout_is_the_one_that_older_tools_read(saved, tmp_path):
    convert(saved("llama", "clip"), tmp_path / "out", to="hf")
    starts = {".".join(name.split(".")[:2]) for name in shapes(tmp_path / "out")}
    assert starts == {
        "language_model.model",
        "language_model.lm_head",
        "vision_tower.vision_model",
        "multi_modal_projector.linear_1",
        "multi_modal_projector.linear_2",
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("language_model.model.", "model.language_model."),
        ("vision_tower.vision_model.", "vision_tower."),
        ("vision_tower.vision_model.", "model.vision_tower."),
        ("multi_modal_projector.", "model.multi_modal_projector."),
    ],
)
def test_keys_of_every_age_are_read(before, after, saved, tmp_path):
    from safetensors.torch import save_file

    folder = tmp_path / "out"
    convert(saved("llama", "clip"), folder, to="hf")
    tensors = {name.replace(before, after): tensor for name, tensor in read_shards(folder).items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "manifest.json").unlink()
    convert(folder, tmp_path / "again", to="hf")
    assert_same_model(load_model(saved("llama", "clip")), load_model(tmp_path / "again"))


@torch.inference_mode()
def test_the_official_layout_computes_the_same_by_its_own_names(saved, tmp_path):
    """LLaVA's forward by hand: encoder's state -2 without its first token, two layers, in place of images."""
    convert(saved("llama", "clip"), tmp_path / "out", to="llava")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    tensors = read_shards(tmp_path / "out")
    parts = load_model(saved("llama", "clip"))
    tower = CLIPVisionModel(parts.model.config.vision_config).eval()
    inside = "model.vision_tower.vision_tower.vision_model."
    tower.load_state_dict({name.removeprefix(inside): t for name, t in tensors.items() if inside in name})
    words = LlamaForCausalLM(parts.model.config.text_config).eval()
    words.load_state_dict(
        {n: t for n, t in tensors.items() if not n.startswith(("model.mm_proj", "model.vision_tower"))}
    )
    states = tower(parts.pictures.pixels([picture(3)]), output_hidden_states=True).hidden_states
    seen = states[config["mm_vision_select_layer"]][:, 1:]
    for layer in ("0", "2"):
        weight, bias = (tensors[f"model.mm_projector.{layer}.{side}"] for side in ("weight", "bias"))
        seen = torch.nn.functional.linear(
            seen if layer == "0" else torch.nn.functional.gelu(seen), weight, bias
        )
    ids = torch.tensor([parts.encoder.encode(CONVERSATION).ids])
    embeddings = words.get_input_embeddings()(ids)
    embeddings[ids == parts.encoder.image_id] = seen[0]
    assert torch.allclose(words(inputs_embeds=embeddings).logits, logits(parts), atol=1e-4)


def test_the_official_config_says_that_the_encoder_was_trained(saved, tmp_path):
    convert(saved("llama", "clip"), tmp_path / "out", to="llava")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["architectures"] == ["LlavaLlamaForCausalLM"] and config["unfreeze_mm_vision_tower"] is True
    assert config["mm_projector_type"] == "mlp2x_gelu" and config["image_aspect_ratio"] == "pad"
    assert config["mm_vision_select_layer"] == -2 and config["mm_vision_select_feature"] == "patch"


def test_the_result_says_what_it_came_from_and_its_manifest_covers_it(saved, tmp_path):
    source = saved("llama", "clip")
    convert(source, tmp_path / "out", to="xtuner", card=lambda about: f"# {about['recipe']['name']}\n")
    about = read_about(tmp_path / "out")
    (step,) = about["converted"]
    assert (step["from"], step["to"], step["source"]) == ("hf", "xtuner", "llama-clip")
    assert step["source_sha256"] == sha256_file(source / "manifest.json")
    assert set(about["versions"]) == {"doctorsun", "transformers", "torch"}
    listed = json.loads((tmp_path / "out" / "manifest.json").read_text())["sha256"]
    there = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert set(listed) == there - {"manifest.json"} and "README.md" in listed


def test_bfloat16_weights_stay_as_they_are(tmp_path):
    parts = kin("llama")
    parts.model.to(torch.bfloat16)
    save_model(parts, tmp_path / "half")
    convert(tmp_path / "half", tmp_path / "llava", to="llava")
    convert(tmp_path / "llava", tmp_path / "back", to="hf")
    found, there = read_shards(tmp_path / "back"), load_model(tmp_path / "back", dtype="bfloat16")
    assert {tensor.dtype for tensor in found.values()} == {torch.bfloat16}
    before = parts.model.state_dict()
    assert all(torch.equal(before[name], t) for name, t in there.model.state_dict().items())
