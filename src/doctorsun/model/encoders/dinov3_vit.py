"""DINOv3's vision transformer: class token, registers, patches, with rotary places; LLaVA keeps registers."""

from doctorsun.model.vision_family import BILINEAR, VisionFamily

FAMILY = VisionFamily(
    title="DINOv3",
    types=("dinov3_vit",),
    config="DINOv3ViTConfig",
    model="DINOv3ViTModel",
    class_token=True,
    registers="num_register_tokens",
    resample=BILINEAR,
    unread=("embeddings.mask_token",),
    positions=None,
    kernel="embeddings.patch_embeddings.weight",
    scratch={"num_register_tokens": 4},
)
