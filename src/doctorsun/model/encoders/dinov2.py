"""DINOv2: class token, then patches. Rad-DINO and other medical descendants are of this class."""

from doctorsun.model.vision_family import VisionFamily

FAMILY = VisionFamily(
    title="DINOv2",
    types=("dinov2",),
    config="Dinov2Config",
    model="Dinov2Model",
    class_token=True,
    other_half=("classifier.",),
    unread=("embeddings.mask_token",),
    positions="embeddings.position_embeddings",
    kernel="embeddings.patch_embeddings.projection.weight",
    mlp_ratio=True,
)
