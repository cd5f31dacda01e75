"""CLIP's vision transformer, as LLaVA-1.5 reads it: class token, then patches; no norm behind the layers."""

from doctorsun.model.vision_family import CLIP_MEAN, CLIP_STD, VisionFamily

FAMILY = VisionFamily(
    title="CLIP",
    types=("clip", "clip_vision_model"),
    config="CLIPVisionConfig",
    model="CLIPVisionModel",
    class_token=True,
    mean=CLIP_MEAN,
    std=CLIP_STD,
    other_half=("text_model.", "visual_projection.", "text_projection.", "logit_scale"),
    positions="embeddings.position_embedding.weight",
    kernel="embeddings.patch_embedding.weight",
    tools=("vLLM", "SGLang", "llama.cpp"),
    # CLIP's own quick_gelu is slower: four passes over memory instead of one.
    scratch={"hidden_act": "gelu"},
)
