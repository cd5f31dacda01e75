"""What was learnt and no more, for peft: LoRA layers of encoder and language model, and the whole projector.

`PeftModel.from_pretrained(base, folder)` puts it on the base. It is found as the difference of the model and
its base, so it can be had of any model whose other weights are the base's.
"""

from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file
from torch import nn

from doctorsun.core.errors import ModelError
from doctorsun.model.convert import hf
from doctorsun.model.loading import quiet
from doctorsun.model.low_rank import LowRank, difference, widened
from doctorsun.model.parts import Parts
from doctorsun.model.shards import write_config
from doctorsun.model.stock import Stock
from doctorsun.model.trust import check_loading, read_json, refuse_unsafe, verify_manifest

QUANTISE: tuple[str, ...] = ()
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PROJECTOR = "multi_modal_projector"


def recognise(folder: Path) -> bool:
    """Whether a folder holds a peft adapter and no whole model."""
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def read(folder: Path, stock: Stock) -> Parts:
    """The base with the adapter merged into its weights; ModelError unless every tensor has its place."""
    refuse_unsafe(folder)
    verify_manifest(folder)
    parts = _base(stock, where=folder)
    if not (folder / WEIGHTS).is_file():
        raise ModelError("model.no_weights", where=folder)
    config = read_json(folder / CONFIG)
    kind = config.get("peft_type") if isinstance(config, dict) else None
    if kind != "LORA":
        raise ModelError("convert.no_adapter", where=folder)
    try:
        with quiet():
            adapted = PeftModel.from_pretrained(parts.model, folder, torch_device="cpu")
    except (RuntimeError, ValueError, TypeError, KeyError, OSError):
        raise ModelError("convert.adapter_misfit", where=folder, base=stock.whole) from None
    # `auto` would look for the base on a hub.
    wanted = set(get_peft_model_state_dict(adapted, save_embedding_layers=False))
    found = set(load_file(folder / WEIGHTS))
    check_loading(folder, {"missing_keys": wanted - found, "unexpected_keys": found - wanted})
    merged = adapted.merge_and_unload(safe_merge=True)
    return Parts(merged.eval(), parts.processor, parts.encoder, parts.pictures)


def write(parts: Parts, folder: Path, *, stock: Stock, quantise: str | None = None) -> None:
    """Put the difference between a model and its base into `folder`; ModelError if it is not of low rank."""
    base = _base(stock, where=folder)
    adapters = learnt(parts.model, base.model)
    rank = max((adapter.rank for adapter in adapters.values()), default=1)
    config = LoraConfig(
        r=rank,
        lora_alpha=rank,
        lora_dropout=0.0,
        bias="none",
        target_modules=sorted(adapters) or _any_linear(base.model),
        modules_to_save=[_PROJECTOR],
        inference_mode=True,
    )
    projector = parts.model.model.multi_modal_projector.state_dict()
    with torch.random.fork_rng(devices=[]), quiet():
        adapted = get_peft_model(base.model, config)
        base.model.model.multi_modal_projector.modules_to_save["default"].load_state_dict(projector)
        for name, adapter in adapters.items():
            layer = base.model.get_submodule(name)
            wide = widened(adapter, rank)
            layer.lora_A["default"].weight.data = wide.a_RI
            layer.lora_B["default"].weight.data = wide.b_OR
        adapted.save_pretrained(folder, save_embedding_layers=False)
        parts.processor.save_pretrained(folder)
    (folder / WEIGHTS).chmod(0o644)
    tree = read_json(folder / CONFIG)
    assert isinstance(tree, dict) and stock.whole is not None
    write_config(folder, tree | {"base_model_name_or_path": stock.whole.resolve().name}, CONFIG)
    (folder / "README.md").unlink(missing_ok=True)


def learnt(model: nn.Module, base: nn.Module) -> dict[str, LowRank]:
    """The adapter of every linear layer that differs; ModelError names other tensors that do."""
    before, adapters, other = base.state_dict(), {}, []
    linear = {name for name, child in model.named_modules() if isinstance(child, nn.Linear)}
    after = model.state_dict()
    check_loading("adapter", {"missing_keys": before.keys() - after.keys()})
    for name, tensor in after.items():
        if f".{_PROJECTOR}." in name:
            continue
        old = before.get(name)
        if old is None or old.shape != tensor.shape:
            raise ModelError("convert.other_base", name=name)
        if torch.equal(old, tensor):
            continue
        layer = name.removesuffix(".weight")
        if layer in linear and not layer.endswith("lm_head"):
            adapters[layer] = difference(tensor, old, name=name)
        else:
            other.append(name)
    if other:
        raise ModelError("convert.not_adapter", count=len(other), names=", ".join(other[:3]))
    return adapters


def _base(stock: Stock, *, where: Path) -> Parts:
    if stock.whole is None:
        raise ModelError("convert.needs_base", where=where)
    return hf.read(stock.whole, Stock())


def _any_linear(model: nn.Module) -> list[str]:
    """A layer for peft, which wants one also where only the projector was learnt; it starts with zeros."""
    linear = (name for name, child in model.named_modules() if isinstance(child, nn.Linear))
    return [next(name for name in linear if _PROJECTOR not in name)]
