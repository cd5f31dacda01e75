"""What a LLaVA makes of packed rows: the loss of every learnt token, and nothing that is not needed for it.

Shapes: L tokens, T learnt tokens, S tokens of pictures, P pictures, N tokens of one, D width.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import LlavaForConditionalGeneration

from doctorsun.model.vision import patch_features
from doctorsun.train.attention import BLOCKS, PICTURES, attend_by, plan_of
from doctorsun.train.fused import token_entropies, weighted_entropy
from doctorsun.train.packing import LENGTH_STEP, Packed


def read_pictures(model: LlavaForConditionalGeneration, pixels_PCHW: Tensor) -> Tensor:
    """`features_PND` of the encoder, as LLaVA reads them before the projector."""
    with attend_by(model.model.vision_tower, PICTURES):
        return patch_features(model, pixels_PCHW)


def token_losses(
    model: LlavaForConditionalGeneration, packed: Packed, features_PND: Tensor | None, *, dropout: float = 0.0
) -> Tensor:
    """`losses_T` in nats, ordered as `packed.targets_T`; `features_PND` are ordered as `packed.views`.

    `dropout` hides that share of the words (never of a picture), so that no answer hangs on one of them.
    """
    hidden_TD, targets_T = _learnt(model, packed, features_PND, dropout=dropout)
    return token_entropies(model.lm_head, hidden_TD, targets_T)[: len(packed.targets_T)]


def weighted_loss(
    model: LlavaForConditionalGeneration,
    packed: Packed,
    features_PND: Tensor | None,
    *,
    weights_T: Tensor,
    dropout: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """The weighted sum of `losses_T`, and `losses_T` without a gradient: less work than `token_losses`."""
    hidden_TD, targets_T = _learnt(model, packed, features_PND, dropout=dropout)
    spare = len(targets_T) - len(weights_T)
    loss, losses_T = weighted_entropy(
        model.lm_head, hidden_TD, targets_T, functional.pad(weights_T, (0, spare))
    )
    return loss, losses_T[: len(weights_T)]


def _learnt(
    model: LlavaForConditionalGeneration, packed: Packed, features_PND: Tensor | None, *, dropout: float
) -> tuple[Tensor, Tensor]:
    """`hidden_TD` before each learnt token and the token itself, both padded to a whole LENGTH_STEP."""
    device = model.lm_head.weight.device
    embeds_LD = model.get_input_embeddings()(torch.from_numpy(packed.ids_L).to(device))
    if model.training and dropout > 0:
        kept_L1 = torch.rand(len(embeds_LD), 1, device=device) >= dropout
        embeds_LD = embeds_LD * kept_L1
    if features_PND is not None:
        seen_SD = model.model.multi_modal_projector(features_PND).flatten(0, 1)
        slots_S = torch.from_numpy(packed.slots_S).to(device)
        embeds_LD = embeds_LD.index_copy(0, slots_S, seen_SD.to(embeds_LD.dtype))
    language = model.model.language_model
    with attend_by(language, BLOCKS):
        hidden_LD = language(
            inputs_embeds=embeds_LD[None],
            position_ids=torch.from_numpy(packed.positions_L)[None].to(device),
            use_cache=False,
            plan=plan_of(packed, device),
        ).last_hidden_state[0]
    spare = -len(packed.targets_T) % LENGTH_STEP or (0 if len(packed.targets_T) else LENGTH_STEP)
    before_T, targets_T = (
        torch.from_numpy(np.pad(one, (0, spare))).to(device) for one in (packed.before_T, packed.targets_T)
    )
    return hidden_LD[before_T], targets_T
