"""SigLIP's vision transformer: patches alone. MedSigLIP and SigLIP2 of a fixed size are of this class."""

from doctorsun.model.vision_family import HALF, VisionFamily

FAMILY = VisionFamily(
    title="SigLIP",
    types=("siglip", "siglip_vision_model"),
    config="SiglipVisionConfig",
    model="SiglipVisionModel",
    class_token=False,
    mean=HALF,
    std=HALF,
    other_half=("text_model.", "logit_scale", "logit_bias"),
    positions="embeddings.position_embedding.weight",
    kernel="embeddings.patch_embedding.weight",
    tools=("vLLM", "SGLang", "llama.cpp"),
    scratch={"hidden_act": "gelu", "vision_use_head": False},
)
