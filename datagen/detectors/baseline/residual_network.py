"""The network of the baseline detector: high-pass residuals and five small convolutions.

Fixed high-pass filters take the content away (Fridrich and Kodovsky 2012), convolutions and a mean
and maximum over the image decide. Images of any size; those of a pair come in one batch, cropped
and mirrored alike, so that what differs between them is what the network learns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from datagen.core.arrays import Image
from datagen.core.stats import auc

__all__ = ["ResidualNetwork", "TrainingSet", "log_odds", "train_network"]

CROP = 224
EPOCHS = 20
PATIENCE = 5
_BATCH = 32  # images
_RATE = 2e-3
_DECAY = 1e-2
_WIDTHS = (24, 32, 48, 64, 64)
_MIRRORED = 0.5
_SCALE = 8.0  # of residuals, in gray levels: beyond it an edge counts no more
_FILTERS = (
    [0, 0, 0, 0, -1, 1, 0, 0, 0],
    [0, 0, 0, 0, -1, 0, 0, 1, 0],
    [-1, 2, -1, 2, -4, 2, -1, 2, -1],
)


class ResidualNetwork(nn.Module):
    """Maps images ``(n, 3, h, w)``, float32 of 0 to 255, to log odds of fake ``(n,)``."""

    def __init__(self) -> None:
        super().__init__()
        kernel = torch.tensor(_FILTERS, dtype=torch.float32).reshape(-1, 1, 3, 3)
        self.register_buffer("kernel", kernel.repeat(3, 1, 1, 1), persistent=False)
        layers: list[nn.Module] = []
        width = 3 * len(_FILTERS)
        for out in _WIDTHS:
            layers.append(nn.Conv2d(width, out, 3, padding=1, stride=2, bias=False))
            layers += [nn.BatchNorm2d(out), nn.ReLU()]
            width = out
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(2 * width, 1)

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        kernel: Any = self.kernel
        residual = nn.functional.conv2d(images, kernel, padding=1, groups=3)
        found = self.body(torch.tanh(residual / _SCALE))
        pooled = torch.cat([found.mean(dim=(2, 3)), found.amax(dim=(2, 3))], dim=1)
        answer: Tensor = self.head(pooled)[:, 0]
        return answer


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What a network trains on.

    Attributes:
        image: Returns an image by its number.
        labels: Label of each image, 0 or 1.
        groups: A number per image, equal within a pair.
        held: Whether an image is kept for comparing epochs; not of a person that is trained on.
    """

    image: Callable[[int], Image]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    held: NDArray[np.bool_]


def train_network(
    data: TrainingSet, seed: int, epochs: int, on_epoch: Callable[[int, float], None]
) -> ResidualNetwork:
    """Train until the AUC of the held images has not risen for five epochs.

    Args:
        data: What to train on.
        seed: Seed of weights, order and crops.
        epochs: The most epochs.
        on_epoch: Called with the number of finished epochs and the AUC of the held images.

    Returns:
        The network of the best epoch.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    network = ResidualNetwork()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    members = _members(data)
    images = sum(map(len, members))
    step = max(1, round(_BATCH * len(members) / images))  # pairs in a batch
    total = epochs * -(-len(members) // step) + 1
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=max(2, total))
    held = np.flatnonzero(data.held)
    best, best_auc, since = network.state_dict(), -1.0, 0
    for epoch in range(epochs):
        network.train()
        order = rng.permutation(len(members))
        for start in range(0, len(order), step):
            chosen = np.concatenate([members[place] for place in order[start : start + step]])
            _learn(network, optimizer, _batch(data, chosen, rng), data.labels[chosen])
            schedule.step()
        found = log_odds(network, [data.image(int(number)) for number in held])
        value = auc(found[data.labels[held] == 0], found[data.labels[held] == 1])
        on_epoch(epoch + 1, value)
        if value > best_auc:
            best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
            best_auc, since = value, 0
        else:
            since += 1
        if since == PATIENCE:
            break
    network.load_state_dict(best)
    return network


def log_odds(network: ResidualNetwork, images: Sequence[Image]) -> NDArray[np.float64]:
    """Return the log odds of fake of images, one by one: they may differ in size."""
    network.eval()
    with torch.inference_mode():
        found = [float(network(_tensor(image[None]))[0]) for image in images]
    return np.asarray(found, np.float64)


def _members(data: TrainingSet) -> list[NDArray[np.int64]]:
    """Return the images of each pair that has more than one to train on."""
    places = np.flatnonzero(~data.held)
    order = places[np.argsort(data.groups[places], kind="stable")]
    starts = np.flatnonzero(np.diff(data.groups[order])) + 1
    return [group for group in np.split(order, starts) if len(group) > 1]


def _learn(
    network: ResidualNetwork,
    optimizer: torch.optim.Optimizer,
    batch: NDArray[np.uint8],
    labels: NDArray[np.int64],
) -> None:
    goal = torch.from_numpy(labels).float()
    loss = nn.functional.binary_cross_entropy_with_logits(network(_tensor(batch)), goal)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _batch(
    data: TrainingSet, chosen: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return crops of images, those of one pair cropped and mirrored alike."""
    images = [data.image(int(number)) for number in chosen]
    height, width = (min(CROP, *(image.shape[axis] for image in images)) for axis in (0, 1))
    made, drawn = [], {}
    for image, group in zip(images, data.groups[chosen], strict=True):
        if group not in drawn:
            drawn[group] = rng.random(3)
        down, across, mirror = drawn[group]
        top = int(down * (image.shape[0] - height + 1))
        left = int(across * (image.shape[1] - width + 1))
        part = image[top : top + height, left : left + width]
        made.append(part[:, ::-1] if mirror < _MIRRORED else part)
    return np.stack(made)


def _tensor(images: NDArray[np.uint8]) -> Tensor:
    whole = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float()
    return whole.contiguous(memory_format=torch.channels_last)
