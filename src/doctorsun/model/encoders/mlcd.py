"""MLCD's vision transformer: class token, then patches, with rotary places of row and column."""

from doctorsun.model.vision_family import CLIP_MEAN, CLIP_STD, VisionFamily

FAMILY = VisionFamily(
    title="MLCD",
    types=("mlcd", "mlcd_vision_model"),
    config="MLCDVisionConfig",
    model="MLCDVisionModel",
    class_token=True,
    mean=CLIP_MEAN,
    std=CLIP_STD,
    positions=None,
    kernel="embeddings.patch_embedding.weight",
)
