"""Cross-entropy by slices gives what the plain one gives."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from doctorsun.train import fused
from doctorsun.train.fused import token_entropies, weighted_entropy

T, V, D = 384, 700, 24


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setitem(fused._FIGURES, "cpu", 128 * V)
    torch.manual_seed(0)
    hidden = torch.randn(T, D)
    targets = torch.randint(0, V, (T,))
    weights = torch.rand(T) / T
    return hidden, targets, weights


def head(*, bias: bool) -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(D, V, bias=bias)


def gradients(layer: nn.Linear, hidden: torch.Tensor, loss) -> list[torch.Tensor]:
    hidden = hidden.clone().requires_grad_()
    layer.zero_grad()
    value = loss(hidden)
    (3 * value).backward()
    grads = [hidden.grad, *(p.grad for p in layer.parameters() if p.requires_grad)]
    return [value.detach(), *(one.clone() for one in grads)]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("way", ["weighted", "tokens"])
def test_loss_and_gradients_equal_the_plain_ones(asked, bias: bool, way: str):
    hidden, targets, weights = asked
    layer = head(bias=bias)

    def plain(hidden: torch.Tensor) -> torch.Tensor:
        return (functional.cross_entropy(layer(hidden), targets, reduction="none") * weights).sum()

    def ours(hidden: torch.Tensor) -> torch.Tensor:
        if way == "tokens":
            return (token_entropies(layer, hidden, targets) * weights).sum()
        return weighted_entropy(layer, hidden, targets, weights)[0]

    right, found, again = (gradients(layer, hidden, loss) for loss in (plain, ours, ours))
    assert len(right) == len(found) == (4 if bias else 3)
    for one, other, third in zip(right, found, again, strict=True):
        assert float((one - other).norm() / one.norm()) < 1e-5
        assert torch.equal(other, third)


def test_a_head_that_stands_still_gets_no_gradient(asked):
    hidden, targets, weights = asked
    layer = head(bias=True).requires_grad_(False)
    hidden.requires_grad_()
    weighted_entropy(layer, hidden, targets, weights)[0].backward()
    right = hidden.grad.clone()
    hidden.grad = None
    (functional.cross_entropy(layer(hidden), targets, reduction="none") * weights).sum().backward()
    assert torch.allclose(right, hidden.grad, rtol=1e-5, atol=1e-9)
    assert layer.weight.grad is None


def test_losses_of_single_tokens_are_told_and_weights_of_nought_count_nothing(asked):
    hidden, targets, weights = asked
    layer = head(bias=False)
    weights[200:] = 0
    loss, losses = weighted_entropy(layer, hidden, targets, weights)
    plain = functional.cross_entropy(layer(hidden), targets, reduction="none")
    assert torch.allclose(losses, plain, rtol=1e-5) and not losses.requires_grad
    assert loss.item() == pytest.approx(float((plain[:200] * weights[:200]).sum().detach()), rel=1e-5)


def test_bf16_gives_about_the_gradient_of_float32(asked):
    hidden, targets, weights = asked
    layer = head(bias=False)
    right = gradients(layer, hidden, lambda h: weighted_entropy(layer, h, targets, weights)[0])
    with torch.autocast("cpu", torch.bfloat16):
        found = gradients(layer, hidden, lambda h: weighted_entropy(layer, h, targets, weights)[0])
    for one, other in zip(right, found, strict=True):
        assert other.dtype == torch.float32
        assert float((one - other).norm() / one.norm()) < 0.02


def test_the_logits_of_all_tokens_never_stand_together(asked):
    hidden, targets, weights = asked
    layer = head(bias=False)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            made = func(*args, **(kwargs or {}))
            largest = max(largest, made.numel() if isinstance(made, torch.Tensor) else 0)
            return made

    with Watch():
        weighted_entropy(layer, hidden.requires_grad_(), targets, weights)[0].backward()
    assert largest == 128 * V < T * V
