"""ViT: class token, then patches. What `model/open_clip.py` makes of BiomedCLIP's trunk is of this class."""

from doctorsun.model.vision_family import BILINEAR, HALF, VisionFamily

FAMILY = VisionFamily(
    title="ViT",
    types=("vit",),
    config="ViTConfig",
    model="ViTModel",
    class_token=True,
    mean=HALF,
    std=HALF,
    resample=BILINEAR,
    other_half=("classifier.",),
    unread=("pooler.", "embeddings.mask_token"),
    positions="embeddings.position_embeddings",
    kernel="embeddings.patch_embeddings.projection.weight",
)
