"""The fixed network: high-pass residuals and five small convolutions, in bfloat16 on one thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from datagen.core.files import staged
from datagen.core.stats import auc

from .geometry import Array
from .releases import TrainingData

__all__ = ["NETWORK_VERSION", "Trained", "load_or_train", "score", "train"]

NETWORK_VERSION = 1
"""Raised when network or training change: cached scores are then made anew."""

MAX_EPOCHS = 15
PATIENCE = 3
WARM_UP = 5
"""Epochs after which patience counts: before, the rate still rises and little is learned."""
_CROP = 224
_BATCH = 32  # images
_RATE = 2e-3
_WIDTHS = (24, 32, 48, 64, 64)
_FILTERS = (
    [0, 0, 0, 0, -1, 1, 0, 0, 0],
    [0, 0, 0, 0, -1, 0, 0, 1, 0],
    [-1, 2, -1, 2, -4, 2, -1, 2, -1],
)


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        kernel = torch.tensor(_FILTERS, dtype=torch.float32).reshape(-1, 1, 3, 3)
        self.register_buffer("kernel", kernel.repeat(3, 1, 1, 1))
        layers: list[nn.Module] = []
        width = 3 * len(_FILTERS)
        for out in _WIDTHS:
            layers.append(nn.Conv2d(width, out, 3, padding=1, stride=2, bias=False))
            layers += [nn.BatchNorm2d(out), nn.ReLU()]
            width = out
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(2 * width, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map ``(n, 3, h, w)`` of 0 to 255 to one logit per image."""
        # In float32: bfloat16 would round the small residuals of bright pixels.
        kernel: Any = self.kernel
        residual = nn.functional.conv2d(images, kernel, padding=1, groups=3)
        residual = torch.tanh(residual / 8).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = self.body(residual)
        pooled = torch.cat([found.mean(dim=(2, 3)), found.amax(dim=(2, 3))], dim=1)
        logits: Tensor = self.head(pooled.float())[:, 0]
        return logits


class Trained:
    """A trained network and the validation AUC of each epoch."""

    def __init__(self, network: _Net, history: list[float]) -> None:
        self.network = network
        self.history = history


def train(
    images: Array, labels: Array, groups: Array, val: tuple[Array, Array], seed: int, epochs: int
) -> Trained:
    """Train until the validation AUC has not risen for three epochs, not counting the first five.

    Args:
        images: ``(n, h, w, 3)`` uint8.
        labels: 0 or 1.
        groups: A number per image; images of one number come in one batch.
        val: Images and labels of people who are not in ``images``.
        seed: Seed of weights and order.
        epochs: The most epochs.

    Returns:
        The network of the best epoch.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = _Net().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=1e-2)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    step = max(1, round(_BATCH * len(members) / len(labels)))  # groups in a batch
    per_epoch = -(-len(members) // step)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _RATE, total_steps=max(2, epochs * per_epoch + 1)
    )
    history: list[float] = []
    best: dict[str, Tensor] = {}
    for _ in range(epochs):
        network.train()
        order = rng.permutation(len(members))
        for start in range(0, len(order), step):
            chosen = np.concatenate([members[n] for n in order[start : start + step]])
            if len(chosen) < 2:
                continue
            batch = torch.from_numpy(_augmented(images, chosen, groups, rng))
            batch = batch.permute(0, 3, 1, 2).float()
            goal = torch.from_numpy(labels[chosen]).float()
            loss = nn.functional.binary_cross_entropy_with_logits(network(batch), goal)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        found = score(network, val[0])
        history.append(auc(found[val[1] == 0], found[val[1] == 1]))
        if history[-1] >= max(history):
            best = {name: value.clone() for name, value in network.state_dict().items()}
        since = min(len(history) - 1 - int(np.argmax(history)), len(history) - WARM_UP)
        if since >= PATIENCE:
            break
    if best:
        network.load_state_dict(best)
    return Trained(network, history)


def _augmented(images: Array, chosen: Array, groups: Array, rng: np.random.Generator) -> Array:
    """Crop and mirror; the images of one group alike."""
    side = images.shape[1]
    crop = min(_CROP, side)
    made = np.empty((len(chosen), crop, crop, 3), np.uint8)
    drawn: dict[int, tuple[int, int, bool]] = {}
    for place, number in enumerate(chosen):
        group = int(groups[number])
        if group not in drawn:
            top, left = rng.integers(0, side - crop + 1, 2)
            drawn[group] = int(top), int(left), bool(rng.random() < 0.5)
        top, left, mirror = drawn[group]
        part = images[number, top : top + crop, left : left + crop]
        made[place] = part[:, ::-1] if mirror else part
    return made


def score(network: _Net, images: Array) -> Array:
    """Return a logit per image."""
    network.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(images), 32):
            batch = torch.from_numpy(np.ascontiguousarray(images[start : start + 32]))
            found.append(network(batch.permute(0, 3, 1, 2).float()).numpy())
    return np.concatenate(found).astype(np.float64) if found else np.empty(0)


def load_or_train(path: Path, data: TrainingData, paired: bool, seed: int, epochs: int) -> _Net:
    """Return the network of a training, from its file if there is one.

    Args:
        path: File of the network's tensors.
        data: What to train on.
        paired: Whether the images of a pair come in one batch.
        seed: Seed of the training.
        epochs: The most epochs.
    """
    if path.is_file():
        network = _Net()
        network.load_state_dict(torch.load(path, weights_only=True))
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
    images, labels, held = data.images(), data.labels, data.held
    groups = data.pairs if paired else np.arange(len(labels))
    val = images[held], labels[held]
    trained = train(images[~held], labels[~held], groups[~held], val, seed, epochs)
    history = ", ".join(f"{value:.3f}" for value in trained.history)
    print(f"  validation AUC by epoch: {history}", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with staged(path) as target:
        torch.save(trained.network.state_dict(), target)
    return trained.network
