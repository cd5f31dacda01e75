import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from doctorsun.core.chat import Request
from doctorsun.core.errors import ModelError
from doctorsun.engines.local import LocalChat
from doctorsun.model.store import load_model, read_about, save_model
from tests.model.tiny import picture, tiny_parts, turn


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "model"
    save_model(tiny_parts(), folder, about={"recipe": {"name": "tiny"}, "data": "0a1b"})
    return folder


@pytest.fixture
def copied(saved, tmp_path):
    """A copy whose manifest is gone, so that the checks behind it are reached."""
    folder = tmp_path / "model"
    shutil.copytree(saved, folder)
    (folder / "manifest.json").unlink()
    return folder


def refusal(folder):
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def change_weights(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def change_config(folder, **values):
    tree = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(tree | values))


def test_a_saved_model_comes_back_to_the_bit(saved):
    first, second = tiny_parts().model.state_dict(), load_model(saved).model.state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_folder_holds_safetensors_and_what_transformers_wants_and_no_pickle(saved):
    names = {path.name for path in saved.iterdir()}
    assert {"config.json", "model.safetensors", "processor_config.json", "tokenizer.json"} <= names
    assert {"chat_template.jinja", "generation_config.json", "doctorsun.json", "manifest.json"} <= names
    assert not {path.suffix for path in saved.iterdir()} - {".json", ".jinja", ".safetensors"}
    about = read_about(saved)
    assert about["recipe"] == {"name": "tiny"} and set(about["versions"]) == {
        "doctorsun",
        "transformers",
        "torch",
    }


def test_who_may_read_the_config_may_read_the_weights(saved):
    assert len({path.stat().st_mode for path in saved.iterdir()}) == 1


def test_a_flipped_bit_is_found_by_the_manifest(saved, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(saved, folder)
    path = folder / "model.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-7] ^= 1
    path.write_bytes(raw)
    assert "model.safetensors" in refusal(folder) and "SHA-256" in refusal(folder)
    path.unlink()
    assert "model.safetensors" in refusal(folder)


def test_a_missing_tensor_is_refused_by_name(copied):
    def drop(tensors):
        del tensors[next(key for key in tensors if key.endswith("linear_1.bias"))]

    change_weights(copied, drop)
    assert "multi_modal_projector.linear_1.bias" in refusal(copied)


def test_an_unused_tensor_is_refused_by_name(copied):
    change_weights(copied, lambda tensors: tensors.update({"left.over": torch.zeros(2)}))
    assert "left.over" in refusal(copied)


def test_a_tensor_of_another_shape_is_refused_by_name(copied):
    def shrink(tensors):
        key = next(key for key in tensors if key.endswith("linear_2.bias"))
        tensors[key] = torch.zeros(3)

    change_weights(copied, shrink)
    assert "linear_2.bias" in refusal(copied)


@pytest.mark.parametrize("key", ["auto_map", "model_file", "_attn_implementation_internal"])
def test_a_config_that_asks_to_run_code_is_refused(copied, key):
    tree = json.loads((copied / "config.json").read_text())
    tree["text_config"][key] = {"AutoModel": "x.Y"}
    (copied / "config.json").write_text(json.dumps(tree))
    assert key in refusal(copied)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "x.pt", "modeling_x.py"])
def test_a_file_that_can_run_code_is_refused(copied, name):
    (copied / name).write_bytes(b"")
    assert name in refusal(copied)


@pytest.mark.parametrize("raw", [b"hello", b""])
def test_damaged_weights_are_refused(copied, raw):
    (copied / "model.safetensors").write_bytes(raw)
    assert str(copied) in refusal(copied)


@pytest.mark.parametrize(
    "values", [{"model_type": "llama"}, {"vision_config": 3}, {"vision_feature_layer": -9}]
)
def test_a_config_that_makes_no_llava_is_refused(copied, values):
    change_config(copied, **values)
    assert refusal(copied)


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "tokenizer_config.json", "processor_config.json"]
)
def test_a_folder_without_a_file_of_a_model_is_refused(copied, name):
    (copied / name).unlink()
    assert str(copied) in refusal(copied)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    assert str(tmp_path) in refusal(tmp_path)
    assert "nowhere" in refusal(tmp_path / "nowhere")


PLAIN = """
import json, sys
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
folder, image, question = sys.argv[1:]
processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
model = AutoModelForImageTextToText.from_pretrained(folder, local_files_only=True)
content = [{"type": "image", "image": Image.open(image)}, {"type": "text", "text": question}]
inputs = processor.apply_chat_template(
    [{"role": "user", "content": content}],
    tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True,
)
ids = model.generate(**inputs, max_new_tokens=12)[0, inputs["input_ids"].shape[1]:].tolist()
assert not any(name.startswith("doctorsun") for name in sys.modules)
print(json.dumps(ids))
"""


def test_a_python_with_transformers_alone_gives_the_same_answer(saved, tmp_path):
    raw = picture(size=(40, 30))
    (tmp_path / "a.png").write_bytes(raw)
    question = "左肺有结节吗？ Is it so?"
    command = [sys.executable, "-c", PLAIN, str(saved), str(tmp_path / "a.png"), question]
    theirs = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    request = Request((turn("user", None, question),), (raw,), max_new_tokens=12)
    reply = next(LocalChat(saved).answer([request]))
    assert list(reply.ids) == theirs
