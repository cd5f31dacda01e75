"""Fewer bits in transformers' format: reloaded on CPU they compute what the bits stand for."""

import pytest
import torch
from bitsandbytes import functional
from transformers import AutoModelForImageTextToText

from doctorsun.core.errors import ModelError
from doctorsun.model.conversion import convert
from doctorsun.model.shards import read_shards
from doctorsun.model.store import load_model, save_model
from tests.model.kin import CONVERSATION, kin, logits
from tests.model.tiny import picture


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bits") / "hf"
    save_model(kin("llama", hidden_size=64, intermediate_size=128), folder)
    return folder


@torch.inference_mode()
def reloaded_logits(folder, parts):
    plain = AutoModelForImageTextToText.from_pretrained(folder, local_files_only=True, device_map={"": "cpu"})
    for layer in plain.modules():
        layer.support_avx512bf16_for_cpu = (
            False  # a faster way of bitsandbytes, in bfloat16 where it is known
        )
    ids = torch.tensor([parts.encoder.encode(CONVERSATION).ids])
    return plain.eval()(input_ids=ids, pixel_values=parts.pictures.pixels([picture(3)])).logits


def test_nf4_reloads_in_plain_transformers_as_what_its_bits_stand_for(source, tmp_path):
    convert(source, tmp_path / "nf4", to="hf", quantise="nf4")
    parts = load_model(source)
    whole = logits(parts)
    for layer in parts.model.model.language_model.modules():
        if isinstance(layer, torch.nn.Linear):
            packed, state = functional.quantize_4bit(layer.weight.data, quant_type="nf4")
            layer.weight.data = functional.dequantize_4bit(packed, state)
    found = reloaded_logits(tmp_path / "nf4", parts)
    assert torch.allclose(found, logits(parts), atol=1e-3)
    assert not torch.allclose(found, whole, atol=1e-2)


def test_int8_reloads_in_plain_transformers_and_is_close(source, tmp_path):
    convert(source, tmp_path / "int8", to="merged", quantise="int8")
    parts = load_model(source)
    difference = (reloaded_logits(tmp_path / "int8", parts) - logits(parts)).abs().max()
    assert 0 < difference < 0.5


def test_encoder_projector_and_output_layer_stay_whole_and_the_rest_shrinks(source, tmp_path):
    convert(source, tmp_path / "nf4", to="hf", quantise="nf4")
    kinds = {name: tensor.dtype for name, tensor in read_shards(tmp_path / "nf4").items()}
    packed = {name for name, dtype in kinds.items() if dtype == torch.uint8 and name.endswith(".weight")}
    assert len(packed) == 2 * 7 and all("language_model" in name for name in packed)


def test_what_is_in_few_bits_is_not_converted_again(source, tmp_path):
    convert(source, tmp_path / "nf4", to="hf", quantise="nf4")
    with pytest.raises(ModelError, match="few bits"):
        convert(tmp_path / "nf4", tmp_path / "out", to="gguf")
