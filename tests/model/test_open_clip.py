"""open_clip's folders, invented at random, against the formulae written out."""

import json

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from doctorsun.core.errors import ModelError
from doctorsun.model.open_clip import is_open_clip
from doctorsun.model.pretrained import load_vision

W, LAYERS, PATCH, SIDE, HEADS = 128, 2, 4, 3, 2
CLIP = {"vision_cfg": {"image_size": 12, "layers": 2, "width": W, "patch_size": PATCH}, "quick_gelu": True}
TIMM = {"vision_cfg": {"timm_model_name": "vit_tiny_patch4_12", "timm_proj": "linear"}}
LOOK = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4], "interpolation": "bilinear"}


def clip_tensors() -> dict[str, torch.Tensor]:
    shapes = {
        "class_embedding": [W],
        "positional_embedding": [SIDE**2 + 1, W],
        "conv1.weight": [W, 3, PATCH, PATCH],
        "proj": [W, 16],
        **{f"{name}.{end}": [W] for name in ("ln_pre", "ln_post") for end in ("weight", "bias")},
    }
    for number in range(LAYERS):
        block = f"transformer.resblocks.{number}"
        shapes |= _block(block, ["ln_1", "ln_2"], ["attn.in_proj_", "attn.out_proj."], ["c_fc", "c_proj"])
    return _random({f"visual.{name}": shape for name, shape in shapes.items()})


def timm_tensors() -> dict[str, torch.Tensor]:
    shapes = {
        "trunk.cls_token": [1, 1, W],
        "trunk.pos_embed": [1, SIDE**2 + 1, W],
        "trunk.patch_embed.proj.weight": [W, 3, PATCH, PATCH],
        "trunk.patch_embed.proj.bias": [W],
        "trunk.norm.weight": [W],
        "trunk.norm.bias": [W],
        "head.proj.weight": [16, W],
    }
    for number in range(LAYERS):
        shapes |= _block(
            f"trunk.blocks.{number}", ["norm1", "norm2"], ["attn.qkv.", "attn.proj."], ["fc1", "fc2"]
        )
    return _random({f"visual.{name}": shape for name, shape in shapes.items()})


def _block(path: str, norms: list[str], attention: list[str], mlp: list[str]) -> dict[str, list[int]]:
    shapes = {f"{path}.{norm}.{end}": [W] for norm in norms for end in ("weight", "bias")}
    for name, size in zip(attention, (3 * W, W), strict=True):
        shapes |= {f"{path}.{name}weight": [size, W], f"{path}.{name}bias": [size]}
    for name, sizes in zip(mlp, ((2 * W, W), (W, 2 * W)), strict=True):
        shapes |= {f"{path}.mlp.{name}.weight": list(sizes), f"{path}.mlp.{name}.bias": [sizes[0]]}
    return shapes


def _random(shapes: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(4)
    found = {name: torch.randn(shape, generator=draw) * 0.1 for name, shape in shapes.items()}
    return found | {"logit_scale": torch.ones(1), "text.token.weight": torch.ones(3, 3)}


def written_out(tensors: dict[str, torch.Tensor], kind: str, pixels: torch.Tensor) -> list[torch.Tensor]:
    """The hidden states by the formulae of the two kinds of transformer."""
    clip = kind == "clip"
    of = {name.removeprefix("visual.").removeprefix("trunk."): one for name, one in tensors.items()}
    kernel = "conv1" if clip else "patch_embed.proj"
    patches = functional.conv2d(pixels, of[f"{kernel}.weight"], of.get(f"{kernel}.bias"), stride=PATCH)
    first = of["class_embedding" if clip else "cls_token"].view(1, 1, W).expand(len(pixels), 1, W)
    x = torch.cat([first, patches.flatten(2).transpose(1, 2)], dim=1)
    x = x + of["positional_embedding" if clip else "pos_embed"].view(1, -1, W)
    if clip:
        x = functional.layer_norm(x, (W,), of["ln_pre.weight"], of["ln_pre.bias"])
    names = ("ln_1", "ln_2", "attn.in_proj_", "attn.out_proj.", "mlp.c_fc", "mlp.c_proj")
    if not clip:
        names = ("norm1", "norm2", "attn.qkv.", "attn.proj.", "mlp.fc1", "mlp.fc2")
    before, between, joint, out, up, down = names
    states = [x]
    for number in range(LAYERS):
        block = f"transformer.resblocks.{number}." if clip else f"blocks.{number}."
        mine = {name.removeprefix(block): one for name, one in of.items() if name.startswith(block)}
        eps = 1e-5 if clip else 1e-6
        normed = functional.layer_norm(x, (W,), mine[f"{before}.weight"], mine[f"{before}.bias"], eps)
        heads = functional.linear(normed, mine[f"{joint}weight"], mine[f"{joint}bias"])
        query, key, value = heads.view(*x.shape[:2], 3, HEADS, W // HEADS).permute(2, 0, 3, 1, 4)
        weights = (query @ key.transpose(-1, -2) / (W // HEADS) ** 0.5).softmax(-1)
        read = (weights @ value).transpose(1, 2).flatten(2)
        x = x + functional.linear(read, mine[f"{out}weight"], mine[f"{out}bias"])
        normed = functional.layer_norm(x, (W,), mine[f"{between}.weight"], mine[f"{between}.bias"], eps)
        wide = functional.linear(normed, mine[f"{up}.weight"], mine[f"{up}.bias"])
        wide = wide * torch.sigmoid(1.702 * wide) if clip else functional.gelu(wide)
        x = x + functional.linear(wide, mine[f"{down}.weight"], mine[f"{down}.bias"])
        states.append(x)
    return states


def write(folder, told, tensors):
    folder.mkdir()
    tree = {"model_cfg": told, "preprocess_cfg": LOOK}
    (folder / "open_clip_config.json").write_text(json.dumps(tree))
    save_file(tensors, folder / "open_clip_model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("kind", "told", "tensors"), [("clip", CLIP, clip_tensors()), ("vit", TIMM, timm_tensors())]
)
def test_an_open_clip_encoder_computes_the_formulae_it_was_trained_with(tmp_path, kind, told, tensors):
    found = load_vision(str(write(tmp_path / kind, told, tensors)))
    pixels = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        states = found.model(pixels, output_hidden_states=True).hidden_states
    for mine, right in zip(states[:-1], written_out(tensors, kind, pixels)[:-1], strict=True):
        torch.testing.assert_close(mine, right, rtol=1e-4, atol=1e-5)
    assert list(found.image_processor.image_mean) == LOOK["mean"]
    assert int(found.image_processor.resample) == 2


@pytest.mark.parametrize(("name", "change"), [("gone", "visual.ln_pre.bias"), ("more", "visual.ls_1.gamma")])
def test_a_tensor_too_few_or_too_many_is_named(tmp_path, name, change):
    tensors = clip_tensors()
    if name == "gone":
        del tensors[change]
    else:
        tensors[change] = torch.ones(W)
    with pytest.raises(ModelError, match="pre_layrnorm.bias" if name == "gone" else "ls_1.gamma"):
        load_vision(str(write(tmp_path / name, CLIP, tensors)))


def test_a_pickle_is_refused_with_the_line_that_converts_it(tmp_path):
    folder = write(tmp_path / "pickled", CLIP, clip_tensors())
    assert is_open_clip(folder)
    (folder / "open_clip_pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ModelError, match="save_file"):
        load_vision(str(folder))


def test_another_layout_is_refused(tmp_path):
    tensors = {"visual.layer1.0.conv1.weight": torch.ones(1, 1)}
    with pytest.raises(ModelError, match="timm"):
        load_vision(str(write(tmp_path / "resnet", CLIP, tensors)))
