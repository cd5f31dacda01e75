"""AIMv2's vision transformer: patches alone, RMS norms, gated MLP."""

from doctorsun.model.vision_family import CLIP_MEAN, CLIP_STD, VisionFamily

FAMILY = VisionFamily(
    title="AIMv2",
    types=("aimv2", "aimv2_vision_model"),
    config="Aimv2VisionConfig",
    model="Aimv2VisionModel",
    class_token=False,
    mean=CLIP_MEAN,
    std=CLIP_STD,
    other_half=("text_model.", "visual_projection.", "text_projection.", "logit_scale"),
    positions="embeddings.position_embedding.weight",
    kernel="embeddings.patch_embed.weight",
    scratch={"use_head": False},
)
