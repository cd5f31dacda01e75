"""DINOv2 with registers: class token, registers, then patches; LLaVA keeps the registers."""

from doctorsun.model.vision_family import VisionFamily

FAMILY = VisionFamily(
    title="DINOv2 with registers",
    types=("dinov2_with_registers",),
    config="Dinov2WithRegistersConfig",
    model="Dinov2WithRegistersModel",
    class_token=True,
    registers="num_register_tokens",
    other_half=("classifier.",),
    unread=("embeddings.mask_token",),
    positions="embeddings.position_embeddings",
    kernel="embeddings.patch_embeddings.projection.weight",
    mlp_ratio=True,
)
