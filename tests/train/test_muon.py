import pytest
import torch

from doctorsun.train.muon import BatchedMuon

SHAPES = [(8, 8), (8, 24), (24, 8), (8, 24), (8, 8)]


def trained(optimizer: type[torch.optim.Optimizer], steps: int, **options: object) -> list[torch.Tensor]:
    torch.manual_seed(3)
    parameters = [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    made = optimizer([{"params": parameters, "lr": 0.02, "weight_decay": 0.1}], **options)
    for _ in range(steps):
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape)
        made.step()
    return [parameter.detach() for parameter in parameters]


@pytest.mark.parametrize("steps", [1, 3])
def test_together_is_as_one_by_one(steps: int):
    theirs = trained(torch.optim.Muon, steps, adjust_lr_fn="match_rms_adamw")
    ours = trained(BatchedMuon, steps, dtype=torch.bfloat16)
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, atol=2e-3)


def test_float32_differs_from_bf16_by_rounding_alone():
    exact, rough = (trained(BatchedMuon, 1, dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    before = trained(BatchedMuon, 0, dtype=torch.float32)
    for mine, other, start in zip(exact, rough, before, strict=True):
        assert 0 < float((mine - other).norm()) < 0.05 * float((mine - start).norm())


def test_a_matrix_without_a_gradient_stays():
    parameter = torch.nn.Parameter(torch.ones(4, 4))
    BatchedMuon([{"params": [parameter], "lr": 0.1}], dtype=torch.float32).step()
    assert torch.equal(parameter.detach(), torch.ones(4, 4))
