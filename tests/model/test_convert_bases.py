"""What stands on a base: adapters, xtuner's parts, LLaVA without its encoder; and what is refused."""

import json

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import Gemma2Config, Gemma2ForCausalLM, LlavaForConditionalGeneration

from doctorsun.core.errors import ConfigError, DoctorSunError, ModelError
from doctorsun.model.config import TuneConfig
from doctorsun.model.conversion import convert, recognise
from doctorsun.model.joining import Pieces, join
from doctorsun.model.low_rank import difference
from doctorsun.model.shards import read_shards, write_shards
from doctorsun.model.store import load_model, save_model
from doctorsun.model.towers import load_tower, write_tower
from doctorsun.model.tuning import apply_tuning, merge_tuning
from tests.model.kin import assert_same_model, kin, logits

LORA = {"mode": "lora", "lr": 1e-3, "rank": 4}


def tuned(tune, *, language="llama", vision="clip"):
    """A model whose learning weights were moved as training moves them, merged."""
    parts = kin(language, vision)
    apply_tuning(parts.model, TuneConfig.model_validate(tune), seed=3)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(4)
        for parameter in parts.model.parameters():
            if parameter.requires_grad:
                parameter += 0.1 * torch.randn(parameter.shape)
    merge_tuning(parts.model)
    return parts


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A base, and what two kinds of training made of it."""
    place = tmp_path_factory.mktemp("bases")
    save_model(kin("llama"), place / "base")
    learnt = tuned({"vision": LORA, "projector": {"mode": "full", "lr": 1e-3}, "language": LORA})
    save_model(learnt, place / "lora", about={"recipe": {"name": "r"}})
    save_model(tuned({"language": {"mode": "full", "lr": 1e-3}}), place / "full")
    return place


def refusal(kind, *words, **more):
    with pytest.raises(kind) as caught:
        convert(*words, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.filterwarnings("error:Unable to fetch remote file")
def test_an_adapter_holds_what_was_learnt_and_leads_back(folders, tmp_path):
    convert(folders / "lora", tmp_path / "adapter", to="adapter", bases=[folders / "base"])
    assert recognise(tmp_path / "adapter") == "adapter"
    found = read_shards(tmp_path / "adapter")
    layers = {name.rpartition(".lora_")[0] for name in found if ".lora_" in name}
    # Two live layers of the encoder with six linear layers, two of the language model with seven.
    assert len(layers) == 2 * 6 + 2 * 7
    assert {name.split(".")[-2] for name in found if ".lora_" not in name} == {"linear_1", "linear_2"}
    assert max(t.shape[0] for name, t in found.items() if "lora_A" in name) == 4
    convert(tmp_path / "adapter", tmp_path / "back", to="merged", bases=[folders / "base"])
    assert_same_model(load_model(folders / "lora"), load_model(tmp_path / "back"))


def test_plain_peft_puts_the_adapter_on_the_base(folders, tmp_path):
    convert(folders / "lora", tmp_path / "adapter", to="adapter", bases=[folders / "base"])
    base = load_model(folders / "base")
    plain = LlavaForConditionalGeneration.from_pretrained(folders / "base", local_files_only=True)
    adapted = PeftModel.from_pretrained(plain, tmp_path / "adapter").eval()
    expected = logits(load_model(folders / "lora"))
    assert (logits(base) - expected).abs().max() > 0.1
    base.model.load_state_dict(adapted.merge_and_unload().state_dict())
    assert torch.allclose(logits(base), expected, atol=1e-4)


def test_what_was_tuned_in_full_makes_no_adapter_and_is_named(folders, tmp_path):
    told = refusal(ModelError, folders / "full", tmp_path / "out", to="adapter", bases=[folders / "base"])
    assert "tuned in full" in told and "language_model" in told and not (tmp_path / "out").exists()


def test_a_difference_of_rank_five_is_found_as_rank_eight_and_a_noisy_one_is_refused():
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731 - short
    old = draw(40, 24)
    new = old + draw(40, 5) @ draw(5, 24)
    found = difference(new, old, name="w")
    assert found.rank == 8 and torch.allclose(old + found.b_OR @ found.a_RI, new, atol=1e-4)
    with pytest.raises(ModelError, match="w differs"):
        difference(old + draw(40, 24), old, name="w")


def test_an_adapter_without_its_base_is_refused(folders, tmp_path):
    assert "--base" in refusal(ModelError, folders / "lora", tmp_path / "out", to="adapter")


def test_xtuners_adapter_of_the_encoder_is_merged_into_the_stock_one(folders, tmp_path):
    parts = load_model(folders / "base")
    convert(folders / "base", tmp_path / "xtuner", to="xtuner")
    write_tower(parts, tmp_path / "stock")
    tower = parts.model.model.vision_tower
    adapted = get_peft_model(tower, LoraConfig(r=4, lora_alpha=16, target_modules=["q_proj", "fc1"]))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.copy_(torch.linspace(-0.1, 0.1, parameter.numel()).view(parameter.shape))
    adapted.save_pretrained(tmp_path / "xtuner" / "visual_encoder_adapter")
    weights = tmp_path / "xtuner" / "visual_encoder_adapter" / "adapter_model.safetensors"
    old_names = {
        name.replace("base_model.model.", "base_model.model.vision_model."): tensor
        for name, tensor in read_shards(weights.parent).items()
    }
    save_file(old_names, weights)
    adapted.merge_and_unload()
    (tmp_path / "xtuner" / "manifest.json").unlink()
    for path in sorted((tmp_path / "xtuner" / "visual_encoder").iterdir()):
        path.unlink()
    (tmp_path / "xtuner" / "visual_encoder").rmdir()
    (tmp_path / "xtuner" / "projector" / "modeling_projector.py").write_text("raise SystemExit(3)")
    assert "visual_encoder" in refusal(ModelError, tmp_path / "xtuner", tmp_path / "x", to="hf")
    convert(tmp_path / "xtuner", tmp_path / "back", to="merged", bases=[tmp_path / "stock"])
    assert_same_model(parts, load_model(tmp_path / "back"))


def test_a_llava_without_its_encoder_is_refused_by_what_would_happen(folders, tmp_path):
    folder = tmp_path / "llava"
    convert(folders / "base", folder, to="llava")
    (folder / "manifest.json").unlink()
    kept = {name: t for name, t in read_shards(folder).items() if "vision_tower" not in name}
    write_shards(folder, kept)
    told = refusal(ModelError, folder, tmp_path / "out", to="hf")
    assert "stock" in told and "--base" in told
    convert(folder, tmp_path / "back", to="hf", bases=[folder / "vision_tower"])
    assert_same_model(load_model(folders / "base"), load_model(tmp_path / "back"))


def test_a_missing_and_a_foreign_tensor_of_a_llava_are_named(folders, tmp_path):
    folder = tmp_path / "llava"
    convert(folders / "base", folder, to="llava")
    (folder / "manifest.json").unlink()
    tensors = read_shards(folder)
    lost = "model.layers.1.mlp.up_proj.weight"
    write_shards(folder, {name: t for name, t in tensors.items() if name != lost})
    assert "layers.1.mlp.up_proj.weight" in refusal(ModelError, folder, tmp_path / "out", to="hf")
    write_shards(folder, tensors | {"model.image_newline": torch.zeros(32)})
    assert "image_newline" in refusal(ModelError, folder, tmp_path / "out", to="hf")
    lost = "model.mm_projector.2.bias"
    write_shards(folder, {name: t for name, t in tensors.items() if name != lost})
    assert "linear_2.bias" in refusal(ModelError, folder, tmp_path / "out", to="hf")


@pytest.mark.parametrize(
    ("key", "value"),
    [("mm_projector_type", "linear"), ("image_aspect_ratio", "anyres"), ("mm_use_im_start_end", True)],
)
def test_a_llava_of_another_kind_is_refused_by_the_setting(key, value, folders, tmp_path):
    folder = tmp_path / "llava"
    convert(folders / "base", folder, to="llava")
    (folder / "manifest.json").unlink()
    tree = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(tree | {key: value}))
    assert key in refusal(ModelError, folder, tmp_path / "out", to="hf")


def test_a_folder_without_a_chat_template_is_refused_with_where_to_put_one(folders, tmp_path):
    folder = tmp_path / "xtuner"
    convert(folders / "base", folder, to="xtuner")
    (folder / "manifest.json").unlink()
    (folder / "chat_template.jinja").unlink()
    assert "chat_template.jinja" in refusal(ModelError, folder, tmp_path / "out", to="hf")


def test_pth_files_are_never_opened_and_the_way_round_is_told(tmp_path):
    file = tmp_path / "iter_100.pth"
    file.write_bytes(b"cos\nsystem\n")
    for source in (file, tmp_path):
        assert "pth_to_hf" in refusal(ModelError, source, tmp_path / "out", to="hf")


def test_a_model_that_the_target_does_not_know_is_refused_with_those_it_knows(tmp_path):
    save_model(kin("qwen3"), tmp_path / "qwen3")
    told = refusal(ModelError, tmp_path / "qwen3", tmp_path / "out", to="llava")
    assert "qwen3" in told and "qwen2" in told and not (tmp_path / "out").exists()
    parts = kin("llama")
    parts.model.config.vision_feature_layer = -1
    save_model(parts, tmp_path / "last")
    assert "-1" in refusal(ModelError, tmp_path / "last", tmp_path / "out", to="xtuner")


def test_what_is_mistyped_is_told_before_anything_is_read(folders, tmp_path):
    base = folders / "base"
    assert "llava" in refusal(ConfigError, base, tmp_path / "out", to="lava")
    assert "nf4" in refusal(ConfigError, base, tmp_path / "out", to="hf", quantise="q8_0")
    assert "calibrate" in refusal(ConfigError, base, tmp_path / "out", to="hf", quantise="awq")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("mine")
    assert "--out" in refusal(ConfigError, base, tmp_path / "full", to="hf")
    assert (tmp_path / "full" / "x").read_text() == "mine"
    assert "nowhere" in refusal(DoctorSunError, tmp_path / "nowhere", tmp_path / "out", to="hf")
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text('{"model_type": "qwen3_vl", "text_config": {}, "vision_config": {}}')
    assert "qwen3_vl" in refusal(ModelError, other, tmp_path / "out", to="hf")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "llava" in refusal(ModelError, empty, tmp_path / "out", to="hf")


def test_a_damaged_source_leaves_nothing_behind(folders, tmp_path):
    import shutil

    shutil.copytree(folders / "base", tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-5] ^= 1
    path.write_bytes(raw)
    assert "SHA-256" in refusal(ModelError, tmp_path / "model", tmp_path / "out", to="llava")
    assert [place.name for place in tmp_path.iterdir()] == ["model"]


def test_a_language_model_that_would_answer_otherwise_in_a_llava_is_refused():
    parts = kin("llama")
    config = Gemma2Config(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        head_dim=16,
        num_key_value_heads=1,
        vocab_size=512,
    )
    pieces = Pieces(
        vision=parts.model.model.vision_tower,
        pictures=parts.processor.image_processor,
        language=Gemma2ForCausalLM(config),
        tokenizer=parts.processor.tokenizer,
        projector=parts.model.model.multi_modal_projector.state_dict(),
    )
    with pytest.raises(ModelError, match="final_logit_softcapping"):
        join(pieces)


def test_a_stock_encoder_keeps_the_resampling_of_its_folder(tmp_path):
    write_tower(kin("llama"), tmp_path)
    path = tmp_path / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"resample": 2, "rescale_factor": 0.5}))
    _, pictures = load_tower(tmp_path)
    assert (int(pictures.resample), pictures.rescale_factor) == (2, 0.5)
