"""The optimization; import it only inside functions, because it imports torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from datagen.core.rng import rng
from datagen.networks.autoencoder.modules import Autoencoder, PatchCritic, initialize
from datagen.training.draw import Part
from datagen.training.likeness import Likeness
from datagen.training.setup import Setup

__all__ = ["LOSSES", "Trainer", "repeatable"]

LOSSES = ("image", "mask", "adversarial", "critic")
_BETAS = (0.5, 0.999)
_MASK_WEIGHT = 0.3
_MAX_GRADIENT = 1.0
_SWAPPED = 4  # one of so many faces is swapped for the identity loss, which costs the most
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """Make torch deterministic on ``threads`` cores; restored at the end."""
    # cuBLAS reads it when its first handle is created.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    cudnn = torch.backends.cudnn
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    switches = cudnn.benchmark, cudnn.deterministic
    try:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True, warn_only=True)
        cudnn.benchmark, cudnn.deterministic = False, True
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        cudnn.benchmark, cudnn.deterministic = switches


class Trainer:
    """The network with its optimizer and, for an adversarial loss, critics with theirs.

    Args:
        setup: Shape, identities, learning rate and seed.
        device: ``cpu`` or ``cuda``.
        likeness: For the identity loss, if the setup has one.
    """

    def __init__(self, setup: Setup, device: str, likeness: Likeness | None = None) -> None:
        self._device = device
        self._likeness = likeness
        self._identity = 0.0 if setup.identity is None else setup.identity.weight
        self.losses = (*LOSSES, "identity") if likeness else LOSSES
        self._weight = setup.adversarial
        count = len(setup.people)
        self.network = Autoencoder(setup.shape, count)
        critics = count if setup.adversarial else 0
        self.critics = nn.ModuleList(PatchCritic(setup.shape) for _ in range(critics))
        initialize(self.network, rng(setup.seed, "train", "network"))
        initialize(self.critics, rng(setup.seed, "train", "critics"))
        for module in (self.network, self.critics):
            # A quarter faster than the default memory layout.
            module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._adam = torch.optim.Adam(self.network.parameters(), setup.rate, _BETAS)
        self._critic_adam = None
        if setup.adversarial:
            self._critic_adam = torch.optim.Adam(self.critics.parameters(), setup.rate, _BETAS)

    def step(self, parts: Sequence[Part]) -> dict[str, float]:
        """Take one step and return the losses by name, summed over its identities."""
        self._adam.zero_grad()
        losses = dict.fromkeys(self.losses, 0.0)
        shown: list[tuple[int, Tensor, Tensor]] = []
        for part in parts:
            wanted, mask = self._tensor(part.wanted), self._tensor(part.mask)
            made, made_mask = self.network(self._tensor(part.seen), part.identity)
            image = _difference(made, wanted, mask)
            outline = (made_mask - mask).abs().mean()
            total = image + _MASK_WEIGHT * outline
            if self._critic_adam is not None:
                fooled = (self.critics[part.identity](made * mask) - 1).square().mean()
                total = total + self._weight * fooled
                losses["adversarial"] += float(fooled.detach())
                shown.append((part.identity, wanted * mask, (made * mask).detach()))
            total.backward()
            losses["image"] += float(image.detach())
            losses["mask"] += float(outline.detach())
        if self._likeness is not None:
            losses["identity"] = self._resemble(self._likeness, parts)
        # A single large step can permanently blank a decoder (Pascanu et al., ICML 2013).
        nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_GRADIENT)
        self._adam.step()
        losses["critic"] = self._teach_critics(shown)
        return losses

    def _resemble(self, likeness: Likeness, parts: Sequence[Part]) -> float:
        """Swap some faces of each part with the next part's identity, and pull them to it."""
        sum_ = 0.0
        for part, donor in zip(parts, (*parts[1:], parts[0]), strict=True):
            count = max(1, len(part.seen) // _SWAPPED)
            seen, real, mask = (
                self._tensor(values[:count]) for values in (part.seen, part.wanted, part.mask)
            )
            made, made_mask = self.network(seen, donor.identity)
            # The outline is not the way to resemble somebody.
            where = mask * made_mask.detach()
            loss = likeness.loss(made, where, real, part.identity, donor.identity)
            weighted = self._identity * loss
            weighted.backward()  # type: ignore[no-untyped-call]
            sum_ += float(loss.detach())
        return sum_

    def _teach_critics(self, shown: Sequence[tuple[int, Tensor, Tensor]]) -> float:
        if self._critic_adam is None:
            return 0.0
        self._critic_adam.zero_grad()
        sum_ = 0.0
        for identity, real, made in shown:
            critic = self.critics[identity]
            loss = (critic(real) - 1).square().mean() + critic(made).square().mean()
            loss.backward()
            sum_ += float(loss.detach())
        self._critic_adam.step()
        return sum_

    def _tensor(self, values: np.ndarray) -> Tensor:
        moved = torch.from_numpy(values).to(self._device)
        return moved.contiguous(memory_format=torch.channels_last)

    def make(self, faces: np.ndarray, identity: int) -> np.ndarray:
        """Decode ``(n, 3, size, size)`` normalized faces, on black, in the same form."""
        with torch.inference_mode():
            image, mask = self.network(self._tensor(faces), identity)
            made: np.ndarray = (image * mask).cpu().numpy()
        return made

    def network_tensors(self) -> dict[str, Tensor]:
        """Return the weights of the network alone, on the CPU."""
        return {name: value.cpu().contiguous() for name, value in self.network.state_dict().items()}

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that later steps depend on, on the CPU."""
        found = dict(_state("network", self.network, self._adam))
        if self._critic_adam is not None:
            found |= _state("critics", self.critics, self._critic_adam)
        return found

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the result of ``tensors``.

        Raises:
            KeyError, RuntimeError: The tensors belong to another network.
        """
        _restore("network", self.network, self._adam, tensors)
        if self._critic_adam is not None:
            _restore("critics", self.critics, self._critic_adam, tensors)


def _difference(made: Tensor, wanted: Tensor, mask: Tensor) -> Tensor:
    """Return the absolute difference of values and of gradients under the mask.

    Gradients (Mathieu et al., ICLR 2016, section 3.2) keep eyes and lips sharp.
    """
    apart = (made - wanted) * mask
    across, down = apart.diff(dim=3).abs().sum(), apart.diff(dim=2).abs().sum()
    return (apart.abs().sum() + across + down) / (3 * mask.sum() + 1e-6)


def _state(
    what: str, module: nn.Module, adam: torch.optim.Optimizer
) -> Iterator[tuple[str, Tensor]]:
    for name, values in module.named_parameters():
        yield f"{what}.{name}", values.detach().cpu().contiguous()
        for moment, kept in adam.state[values].items():  # none yet for a decoder without a step
            yield f"adam.{moment}.{what}.{name}", kept.cpu().contiguous()


def _restore(
    what: str, module: nn.Module, adam: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    for name, values in module.named_parameters():
        with torch.no_grad():
            values.copy_(tensors[f"{what}.{name}"])
        kept = {
            moment: tensors[key].clone()
            for moment in _MOMENTS
            if (key := f"adam.{moment}.{what}.{name}") in tensors
        }
        if kept:
            adam.state[values] = {
                moment: value if moment == "step" else value.to(values.device)
                for moment, value in kept.items()
            }
