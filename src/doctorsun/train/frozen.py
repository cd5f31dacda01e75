"""What a stage reads of an encoder that does not change: its features, and the names they are kept by."""

import hashlib

import torch
import transformers
from torch import Tensor, nn

from doctorsun.model.parts import Parts
from doctorsun.train.draws import seed_of
from doctorsun.train.features import FeatureCache, FeatureStore
from doctorsun.train.forward import read_pictures
from doctorsun.train.recipe import StageConfig
from doctorsun.train.setting import Setting
from doctorsun.train.views import View


def frozen_features(
    parts: Parts, stage: StageConfig, setting: Setting, store: FeatureStore | None
) -> FeatureCache:
    """The features that a stage with a frozen encoder reads, kept in `store`."""
    pictures = setting.pictures
    assert pictures is not None
    model, compute = parts.model, setting.compute
    width: int = model.model.multi_modal_projector.linear_1.in_features
    base = encoder_hash(
        model.model.vision_tower,
        model.config.vision_feature_layer,
        model.config.vision_feature_select_strategy,
        parts.processor.image_processor.to_dict(),
        compute.dtype,
        machine(compute.device),
    )

    @torch.no_grad()
    def read(view: View) -> Tensor:
        pixels = pictures.pixels([view], stage.augment, seed=setting.seed)
        with compute.autocast():
            return read_pictures(model, pixels.to(compute.device))[0].cpu()

    def name(view: View) -> str:
        picture, number = view
        change: tuple[object, ...] = ()
        if number:
            draw = seed_of(setting.seed, "view", picture, number)
            change = draw, stage.augment.of(pictures.sources[picture]).model_dump(mode="json")
        return hashlib.sha256(repr((base, picture, change)).encode("utf-8")).hexdigest()

    shape = parts.encoder.image_tokens, width
    return FeatureCache(read, store, name=name, shape=shape, dtype=compute.dtype)


def encoder_hash(vision: nn.Module, *what: object) -> str:
    """What features depend on: the encoder's weights, and whatever else the caller says."""
    total = hashlib.sha256(repr(what).encode("utf-8"))
    for name, tensor in sorted(vision.state_dict().items()):
        total.update(name.encode("utf-8"))
        total.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return total.hexdigest()


def machine(device: torch.device) -> tuple[str, ...]:
    """What else decides the bits of a product: versions, the processor's kind, the number of threads."""
    if device.type == "cuda":
        where = torch.cuda.get_device_name(device)
    else:
        where = f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"
    return torch.__version__, transformers.__version__, device.type, where
