"""What a device could do at best, to say how much of it is put to use (MFU)."""

import time
from functools import cache

import torch

_TRIES, _SIDE = 6, 1024
# Dense bfloat16 products in TFLOP/s, as the makers' data sheets say; the longest name that fits counts.
_SHEETS = {
    "B200": 2250.0,
    "H200": 989.0,
    "H100 PCIe": 756.0,
    "H100 NVL": 835.0,
    "H100": 989.0,
    "H800": 989.0,
    "H20": 148.0,
    "A100": 312.0,
    "A800": 312.0,
    "L40S": 362.0,
    "L40": 181.0,
    "L4": 121.0,
    "A10": 125.0,
    "A40": 150.0,
    "RTX A6000": 155.0,
    "RTX 4090": 165.0,
    "RTX 3090": 71.0,
}


def peak_tflops(device: torch.device, dtype: torch.dtype) -> float:
    """TFLOP/s of a device: its maker's figure for bf16 where known, else what a product reaches here."""
    if device.type == "cuda" and dtype == torch.bfloat16:
        name = torch.cuda.get_device_name(device)
        known = [sheet for sheet in _SHEETS if sheet in name]
        if known:
            return _SHEETS[max(known, key=len)]
    return measured_tflops(device, dtype)


@cache
def measured_tflops(device: torch.device, dtype: torch.dtype) -> float:
    """TFLOP/s of one square product, the best of a few tries, with the threads that are set."""
    left = torch.ones(_SIDE, _SIDE, dtype=dtype, device=device)
    seconds = min(_product_s(left) for _ in range(_TRIES))
    return float(2 * _SIDE**3 / seconds / 1e12)


def _product_s(left: torch.Tensor) -> float:
    started = time.perf_counter()
    product = left @ left
    float(product[0, 0])  # a GPU answers when it is done
    return time.perf_counter() - started
