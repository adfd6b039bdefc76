"""Train a small detector on pair batches and on random ones; print its AUC by method.

``python examples/train_detector.py OUT``: OUT is a release with splits train and test.
"""

import sys
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler

import datagen as dg
from datagen.loaders import PairBatchSampler, PairDataset

BATCH, EPOCHS, SEED = 32, 6, 1


class Detector(nn.Module):
    """Convolutions over the colors and their differences to the neighbors; one logit per image."""

    def __init__(self) -> None:
        super().__init__()
        widths = (9, 16, 32, 48)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1)]
            layers += [nn.BatchNorm2d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(2 * widths[-1], 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits of ``(n, height, width, 3)`` uint8 images."""
        x = images[:, 32:-32, 32:-32].permute(0, 3, 1, 2).float() / 255
        right, down = x.roll(1, 3) - x, x.roll(1, 2) - x
        found = self.body(torch.cat([x - 0.5, 8 * right, 8 * down], dim=1))
        logits: torch.Tensor = self.head(torch.cat([found.mean((2, 3)), found.amax((2, 3))], 1))
        return logits[:, 0]


def trained(data: PairDataset, batches: Any) -> Detector:
    """Return a detector after some epochs; all begin with the same weights."""
    torch.manual_seed(SEED)
    net = Detector().train()
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-2)
    loader: Any = DataLoader(data, batch_sampler=batches, num_workers=2)  # type: ignore[arg-type]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, EPOCHS * len(loader))
    for epoch in range(EPOCHS):
        losses: list[float] = []
        for batch in loader:
            images = batch["image"].flip(2) if len(losses) % 2 else batch["image"]
            loss = nn.functional.binary_cross_entropy_with_logits(
                net(images), batch["label"].float()
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}", flush=True)
    return net.eval()


def main(out: str) -> None:
    """Train twice and print the AUC on split test, by method."""
    torch.set_num_threads(1)  # the loaders have the other cores, and figures depend on none
    release = dg.Release(out)
    data = PairDataset(release, "train")
    order = RandomSampler(data, generator=torch.Generator().manual_seed(SEED))
    every = {
        "pair batches": PairBatchSampler(data, BATCH, seed=SEED),
        "random batches": BatchSampler(order, BATCH, drop_last=True),
    }
    for name, batches in every.items():
        net = trained(data, batches)

        @torch.inference_mode()
        def score(images: NDArray[np.uint8], net: Detector = net) -> NDArray[np.float64]:
            return np.asarray(net(torch.from_numpy(images)).sigmoid(), np.float64)

        result = dg.evaluate(release, dg.score(release, score, split="test")).to_frame()
        chosen = result[result["by"].isin(["overall", "method"]) & (result["metric"] == "auc")]
        print(f"\n{name}\n{chosen[['group', 'value', 'low', 'high']].to_string(index=False)}\n")


if __name__ == "__main__":
    main(sys.argv[1])
