"""How much memory tensors take while a step runs on fake ones, which have shapes and no content.

PyTorch's FakeTensorMode runs every operation for its shapes alone, so the very code of the training tells
what it would hold, in a second and without the memory. What a kernel needs within itself is not seen.
"""

import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

GRADIENTS, CASTS, OPTIMIZER = "gradients", "casts", "optimizer"


@dataclass
class Peak:
    """The highest sum of bytes within one phase, and what it was made of, by the scope it was made in."""

    total: int = 0
    parts: Counter[str] = field(default_factory=Counter)


class Tally(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While open, counts the bytes of every tensor that operations make, by scope, until it is freed.

    `enter` says in which phase the step is; peaks are kept by phase. `bare` ones leave out gradients that
    stay: where steps are cut into several passes, all of these are there from the second on. Copies of the
    weights of `model` in another precision count as casts; the weights themselves are not counted.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peaks: dict[str, Peak] = {}
        self.bare: dict[str, Peak] = {}
        self.backward = False  # whether the backward pass is on
        self._live: Counter[str] = Counter()
        self._total = 0
        self._scope, self._phase = "", ""
        self._scope_of: dict[int, tuple[str, int]] = {}
        self._weights = {
            tensor.untyped_storage()._cdata for tensor in [*model.parameters(), *model.buffers()]
        }
        self._hooks = [
            parameter.register_post_accumulate_grad_hook(self._keep_gradient)  # type: ignore[no-untyped-call]
            for parameter in model.parameters()
            if parameter.requires_grad
        ]

    def enter(self, phase: str, scope: str) -> None:
        """From now on: count what is made as of `scope`, and peaks as of `phase`."""
        self._phase, self._scope = phase, scope
        self._note()

    @property
    def phase(self) -> str:
        """Where the step is."""
        return self._phase

    def close(self) -> None:
        """Take the hooks off the model."""
        for hook in self._hooks:
            hook.remove()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401 - PyTorch's interface
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run one operation and count what it has made.

        A fake tensor holds no number, and PyTorch refuses who asks for it. In the backward pass alone one is
        known, the gradient of the loss itself: it is one.
        """
        asked = func is torch.ops.aten._local_scalar_dense.default
        if asked and self.backward and args[0].dim() == 0 and args[0].is_floating_point():
            return 1.0
        made = func(*args, **(kwargs or {}))
        copies = func is torch.ops.aten._to_copy.default and self._scope != OPTIMIZER
        cast = copies and _key(args[0]) in self._weights
        for tensor in tree_flatten(made)[0]:
            if isinstance(tensor, Tensor):
                self._count(tensor, scope=CASTS if cast else self._scope)
        return made

    def _count(self, tensor: Tensor, *, scope: str) -> None:
        key = _key(tensor)
        if key in self._scope_of or key in self._weights:
            return
        storage = tensor.untyped_storage()
        size = storage.nbytes()
        self._scope_of[key] = scope, size
        self._live[scope] += size
        self._total += size
        weakref.finalize(storage, self._free, key).atexit = False
        self._note()

    def _free(self, key: int) -> None:
        scope, size = self._scope_of.pop(key)
        self._live[scope] -= size
        self._total -= size

    def _note(self) -> None:
        bare = self._total - self._live[GRADIENTS]
        for peaks, total in ((self.peaks, self._total), (self.bare, bare)):
            peak = peaks.setdefault(self._phase, Peak())
            if total >= peak.total:
                peak.total, peak.parts = total, Counter(self._live)

    def _keep_gradient(self, parameter: Tensor) -> None:
        assert parameter.grad is not None
        key = _key(parameter.grad)
        if key in self._scope_of:
            scope, size = self._scope_of[key]
            self._live[scope] -= size
            self._live[GRADIENTS] += size
            self._scope_of[key] = GRADIENTS, size


def _key(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
