"""Chinese-CLIP's vision transformer, the same shape as CLIP's; its text side is a Chinese BERT."""

from doctorsun.model.vision_family import CLIP_MEAN, CLIP_STD, VisionFamily

FAMILY = VisionFamily(
    title="Chinese-CLIP",
    types=("chinese_clip", "chinese_clip_vision_model"),
    config="ChineseCLIPVisionConfig",
    model="ChineseCLIPVisionModel",
    class_token=True,
    mean=CLIP_MEAN,
    std=CLIP_STD,
    other_half=("text_model.", "visual_projection.", "text_projection.", "logit_scale"),
    positions="embeddings.position_embedding.weight",
    kernel="embeddings.patch_embedding.weight",
    scratch={"hidden_act": "gelu"},
)
