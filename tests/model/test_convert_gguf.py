"""The GGUF pair: back to the same model, read the same by another reader, and what it refuses."""

import numpy as np
import pytest
import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM

from doctorsun.core.errors import ModelError
from doctorsun.model.conversion import convert, recognise
from doctorsun.model.gguf_file import read_gguf
from doctorsun.model.gguf_tokens import pattern_name
from doctorsun.model.joining import Pieces, join
from doctorsun.model.store import load_model, save_model
from tests.model.kin import CONVERSATION, assert_same_model, kin, logits
from tests.model.tiny import picture

LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
FAMILIES = {
    "llama-clip": ("llama", "clip", {}),
    "llama-3": ("llama", "clip", {"rope_parameters": LLAMA3}),
    "mistral": ("mistral", "siglip", {}),
    "qwen2-siglip": ("qwen2", "siglip", {}),
    "qwen3-tied": ("qwen3", "clip", {"tie_word_embeddings": True, "act": "gelu"}),
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """For each family the folder of its model and that of its pair in float32."""
    place = tmp_path_factory.mktemp("gguf")
    for name, (language, vision, changes) in FAMILIES.items():
        save_model(kin(language, vision, **changes), place / name / "hf")
        convert(place / name / "hf", place / name / "gguf", to="gguf", quantise="f32")
    return place


def words_of(folder):
    (path,) = (path for path in folder.glob("*.gguf") if not path.name.startswith("mmproj-"))
    return path


def eyes_of(folder):
    (path,) = folder.glob("mmproj-*.gguf")
    return path


@pytest.mark.parametrize("name", FAMILIES)
def test_there_and_back_is_the_same_model(name, pairs, tmp_path):
    assert recognise(pairs / name / "gguf") == "gguf"
    convert(pairs / name / "gguf", tmp_path / "back", to="hf")
    assert_same_model(load_model(pairs / name / "hf"), load_model(tmp_path / "back"))


@pytest.mark.parametrize("name", ["llama-clip", "qwen2-siglip"])
@torch.inference_mode()
def test_transformers_own_reader_finds_the_same_language_model(name, pairs):
    path = words_of(pairs / name / "gguf")
    theirs = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32
    ).eval()
    parts = load_model(pairs / name / "hf")
    ids = torch.tensor([parts.encoder.encode(CONVERSATION).ids])
    ours = parts.model(input_ids=ids).logits
    assert (theirs(input_ids=ids).logits - ours).abs().max() <= 1e-4


@torch.inference_mode()
def test_the_mmproj_computes_the_features_by_llama_cpps_own_names(pairs):
    """CLIP as llama.cpp's graph has it, written out: what the projector leaves must be equal."""
    parts = load_model(pairs / "llama-clip" / "hf")
    fields, t = read_gguf(eyes_of(pairs / "llama-clip" / "gguf"))
    assert fields["clip.vision.block_count"] == 2 and list(fields["clip.vision.feature_layer"]) == [2]
    assert fields["clip.use_gelu"] is False and not any(name.startswith("v.post_ln") for name in t)
    pixels = parts.pictures.pixels([picture(5)])
    functional, heads = torch.nn.functional, fields["clip.vision.attention.head_count"]
    x = functional.conv2d(pixels, t["v.patch_embd.weight"], stride=8).flatten(2).transpose(1, 2)[0]
    x = torch.cat([t["v.class_embd"][None], x]) + t["v.position_embd.weight"]

    def norm(x, name):
        return functional.layer_norm(x, x.shape[-1:], t[f"{name}.weight"], t[f"{name}.bias"], 1e-5)

    def lin(x, name):
        return functional.linear(x, t[f"{name}.weight"], t[f"{name}.bias"])

    x = norm(x, "v.pre_ln")
    for block in ("v.blk.0.", "v.blk.1."):
        y = norm(x, block + "ln1")
        q, k, v = (
            lin(y, block + one).unflatten(-1, (heads, -1)).transpose(0, 1)
            for one in ("attn_q", "attn_k", "attn_v")
        )
        seen = functional.scaled_dot_product_attention(q, k, v).transpose(0, 1).flatten(1)
        x = x + lin(seen, block + "attn_out")
        y = lin(norm(x, block + "ln2"), block + "ffn_up")
        x = x + lin(y * torch.sigmoid(1.702 * y), block + "ffn_down")
    found = lin(functional.gelu(lin(x[1:], "mm.0")), "mm.2")
    expected = parts.model.get_image_features(pixel_values=pixels)
    expected = expected if isinstance(expected, tuple | list) else expected.pooler_output
    assert torch.allclose(found, expected[0].reshape(found.shape), atol=1e-4)


def test_the_divisors_of_far_positions_are_those_that_transformers_computes(pairs):
    parts = load_model(pairs / "llama-3" / "hf")
    _, tensors = read_gguf(words_of(pairs / "llama-3" / "gguf"))
    turned = parts.model.model.language_model.rotary_emb.inv_freq
    plain = 1.0 / 500000.0 ** (torch.arange(0, 8, 2) / 8)
    assert torch.allclose(tensors["rope_freqs.weight"], plain / turned, rtol=1e-5)
    assert tensors["rope_freqs.weight"].max() > 1.5


def test_special_tokens_template_and_pre_tokenizer_are_told(pairs):
    fields, _ = read_gguf(words_of(pairs / "llama-clip" / "gguf"))
    encoder = load_model(pairs / "llama-clip" / "hf").encoder
    assert fields["tokenizer.ggml.pre"] == "qwen2" and fields["tokenizer.ggml.add_bos_token"] is False
    assert fields["tokenizer.ggml.eos_token_id"] == fields["tokenizer.ggml.eot_token_id"] == encoder.end_id
    assert fields["tokenizer.chat_template"] == encoder.tokenizer.chat_template
    kinds, texts = fields["tokenizer.ggml.token_type"], fields["tokenizer.ggml.tokens"]
    assert kinds[encoder.image_id] == 3 and texts[-1].startswith("[PAD") and kinds[-1] == 5


@pytest.mark.parametrize(("kind", "most"), [("f16", 0.02), ("bf16", 0.15), ("q8_0", 0.3)])
def test_fewer_bits_are_smaller_and_close(kind, most, pairs, tmp_path):
    source = pairs / "llama-clip" / "hf"
    convert(source, tmp_path / "gguf", to="gguf", quantise=kind)
    reader = GGUFReader(words_of(tmp_path / "gguf"))
    kinds = {one.name: one.tensor_type.name.lower() for one in reader.tensors}
    assert kinds["blk.0.attn_q.weight"] == kind and kinds["blk.0.attn_norm.weight"] == "f32"
    whole = words_of(pairs / "llama-clip" / "gguf").stat().st_size
    assert words_of(tmp_path / "gguf").stat().st_size < whole
    convert(tmp_path / "gguf", tmp_path / "back", to="hf")
    difference = logits(load_model(source)) - logits(load_model(tmp_path / "back"))
    assert 0 < difference.abs().max() < most


def test_a_cut_file_and_a_lone_file_are_refused(pairs, tmp_path):
    source = pairs / "llama-clip" / "gguf"
    whole = words_of(source)
    for name in (whole.name, eyes_of(source).name):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    (tmp_path / whole.name).write_bytes(whole.read_bytes()[:5000])
    with pytest.raises(ModelError, match="whole GGUF"):
        convert(tmp_path, tmp_path / "out", to="hf")
    (tmp_path / whole.name).unlink()
    with pytest.raises(ModelError, match="found 1"):
        convert(tmp_path, tmp_path / "out", to="hf")


def test_what_llama_cpps_graph_cannot_compute_is_refused(tmp_path):
    parts = kin("llama")
    parts.model.config.vision_feature_select_strategy = "full"
    parts.processor.vision_feature_select_strategy = "full"
    parts = join(
        Pieces(
            vision=parts.model.model.vision_tower,
            pictures=parts.processor.image_processor,
            language=AutoModelForCausalLM.from_config(parts.model.config.text_config),
            tokenizer=parts.processor.tokenizer,
            projector=parts.model.model.multi_modal_projector.state_dict(),
            feature_layer=-1,
            select="full",
        )
    )
    save_model(parts, tmp_path / "hf")
    with pytest.raises(ModelError, match="class token"):
        convert(tmp_path / "hf", tmp_path / "out", to="gguf")


def test_a_tokenizer_that_llama_cpp_has_no_name_for_is_refused():
    tree = {"model": {"type": "BPE"}, "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "x+"}}}
    with pytest.raises(ModelError, match="llama-bpe, qwen2"):
        pattern_name(tree)
    with pytest.raises(ModelError, match="Unigram"):
        pattern_name({"model": {"type": "Unigram"}})


def test_equal_widths_are_written_so_that_llama_cpp_swaps_them_right(tmp_path):
    from transformers import CLIPVisionConfig, CLIPVisionModel

    parts = kin("llama")
    config = parts.model.config.vision_config.to_dict() | {"intermediate_size": 32}
    tower = CLIPVisionModel(CLIPVisionConfig(**config))
    parts = join(
        Pieces(
            vision=tower,
            pictures=parts.processor.image_processor,
            language=AutoModelForCausalLM.from_config(parts.model.config.text_config),
            tokenizer=parts.processor.tokenizer,
            projector=parts.model.model.multi_modal_projector.state_dict(),
        )
    )
    save_model(parts, tmp_path / "hf")
    convert(tmp_path / "hf", tmp_path / "gguf", to="gguf", quantise="f32")
    _, tensors = read_gguf(eyes_of(tmp_path / "gguf"))
    fc1 = tower.encoder.layers[0].mlp.fc1.weight.detach().numpy()
    # llama.cpp swaps `up` and `down` where `down` takes vectors as wide as the encoder's.
    assert np.array_equal(tensors["v.blk.0.ffn_down.weight"].numpy(), fc1)
    convert(tmp_path / "gguf", tmp_path / "back", to="hf")
    assert_same_model(load_model(tmp_path / "hf"), load_model(tmp_path / "back"))
