"""What LLaVA reads of a picture: one hidden state of the encoder, and that state through the projector.

Shapes: B pictures, N vectors a picture, W wide in the encoder and D in the language model.
"""

import torch
from transformers import LlavaForConditionalGeneration


def patch_features(model: LlavaForConditionalGeneration, pixels_BCHW: torch.Tensor) -> torch.Tensor:
    """`features_BNW` of the encoder, at the layers the configuration names, before the projector."""
    config = model.config
    states = model.model.vision_tower(pixels_BCHW, output_hidden_states=True).hidden_states
    chosen = config.vision_feature_layer
    layers = [chosen] if isinstance(chosen, int) else chosen
    first = 1 if config.vision_feature_select_strategy == "default" else 0
    return torch.cat([states[layer][:, first:] for layer in layers], dim=-1)


def image_embeddings(model: LlavaForConditionalGeneration, pixels_BCHW: torch.Tensor) -> torch.Tensor:
    """`embeddings_BND` that stand in the place of the image tokens."""
    projected: torch.Tensor = model.model.multi_modal_projector(patch_features(model, pixels_BCHW))
    return projected
