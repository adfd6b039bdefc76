"""Train a small network on a release and print its AUC: a reference that needs torch.

A residual layer of fixed high-pass filters (as in SRM, Fridrich & Kodovsky 2012) and four
convolutions, trained from scratch on split train; the AUC is that of split test, by method. On two
cores an epoch over 420 images at 128 pixels takes about ten seconds. A few hundred pairs, such as
the quickstart's, are too few for it to learn much: that takes thousands. Usage:

    python benchmarks/train.py OUT [--epochs 8] [--side 128] [--save net.pt]

``net.pt`` is TorchScript, and the YAML file that describes it is written next to it:

    datagen score OUT --detector net.pt --detector-config net.yaml --allow-code -o scores.parquet
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from datagen.core.rng import rng
from datagen.core.stats import auc
from datagen.detectors.preprocess import resized
from datagen.errors import UserError
from datagen.release.reader import Release

SEED, BATCH, RATE = 1, 32, 2e-3
FILTERS = (
    [0, 0, 0, 0, -1, 1, 0, 0, 0],
    [0, 0, 0, 0, -1, 0, 0, 1, 0],
    [-1, 2, -1, 2, -4, 2, -1, 2, -1],
)


def network(torch: Any) -> Any:
    """Return a network from ``(n, 3, side, side)`` in [0, 1] to one logit per image."""
    nn = torch.nn

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            kernel = torch.tensor(FILTERS, dtype=torch.float32).reshape(-1, 1, 3, 3)
            self.register_buffer("kernel", kernel.repeat(3, 1, 1, 1) * 8)
            layers: list[Any] = []
            width = 12  # three colors and nine residuals
            for out in (16, 32, 48, 64):
                layers += [nn.Conv2d(width, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU()]
                layers.append(nn.AvgPool2d(2))
                width = out
            self.body = nn.Sequential(*layers)
            self.head = nn.Linear(2 * width, 1)

        def forward(self, x: Any) -> Any:
            residual = nn.functional.conv2d(x, self.kernel, padding=1, groups=3)
            found = self.body(torch.cat([x - 0.5, torch.tanh(residual)], dim=1))
            return self.head(torch.cat([found.mean(dim=(2, 3)), found.amax(dim=(2, 3))], dim=1))

    return Net()


def load(release: Release, split: str, side: int) -> tuple[Any, pd.DataFrame]:
    """Return the images ``(n, 3, side, side)`` uint8 of a split, and their rows."""
    rows = release.table(split=split)
    images = [resized(release.image(row), (side, side)) for row in rows.to_dict("records")]
    return np.stack(images).transpose(0, 3, 1, 2), rows


def train(torch: Any, net: Any, images: Any, labels: Any, epochs: int, steps: int | None) -> None:
    """Train in place on randomly mirrored images; ``steps`` ends the training early."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-2)
    total = max(1, epochs * (len(images) // BATCH))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=total + 1)
    loss_of = torch.nn.BCEWithLogitsLoss()
    done = 0
    for epoch in range(epochs):
        net.train()
        order = rng("train", SEED, epoch).permutation(len(images))
        losses, started = [], time.monotonic()
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            batch = torch.from_numpy(images[chosen]).float() / 255
            if rng("flip", SEED, epoch, start).random() < 0.5:
                batch = batch.flip(3)
            loss = loss_of(net(batch)[:, 0], torch.from_numpy(labels[chosen]).float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
            done += 1
            if done == steps:
                return
        seconds = time.monotonic() - started
        print(
            f"epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.3f}, {seconds:.1f} s", flush=True
        )


def score(torch: Any, net: Any, images: Any) -> NDArray[np.float64]:
    """Return the probabilities of fake."""
    net.eval()
    with torch.inference_mode():
        found = [
            net(torch.from_numpy(images[start : start + BATCH]).float() / 255)[:, 0].numpy()
            for start in range(0, len(images), BATCH)
        ]
    return np.asarray(expit(np.concatenate(found).astype(np.float64)))


def report(rows: pd.DataFrame, scores: NDArray[np.float64]) -> None:
    """Print the AUC by method against all reals and controls."""
    rows = rows.assign(score=scores)
    reals = rows.loc[rows["label"] == 0, "score"].to_numpy()
    fakes = rows[rows["label"] == 1]
    print(f"{'method':<24}{'fakes':>7}{'reals':>7}{'AUC':>8}")
    for method, group in [("all", fakes), *fakes.groupby("method")]:
        own = group["score"].to_numpy()
        print(f"{method!s:<24}{len(own):>7}{len(reals):>7}{auc(reals, own):>8.3f}")


def save(torch: Any, net: Any, path: Path, side: int) -> None:
    """Write TorchScript, and the YAML for ``datagen score`` next to it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        torch.jit.save(torch.jit.trace(net.eval(), torch.zeros(2, 3, side, side)), str(path))
    path.with_suffix(".yaml").write_text(f"size: {side}\nlogits: true\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Train, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", help="a release with splits train and test")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--steps", type=int, help="stop after this many batches")
    parser.add_argument("--save", type=Path, metavar="FILE.pt")
    asked = parser.parse_args(arguments)
    try:
        import torch
    except ImportError:
        raise SystemExit("torch is not installed: pip install 'datagen[torch]'") from None
    torch.manual_seed(SEED)
    try:
        release = Release(asked.out)
        images, rows = load(release, "train", asked.side)
    except UserError as error:
        raise SystemExit(str(error)) from None
    net = network(torch)
    train(torch, net, images, rows["label"].to_numpy(), asked.epochs, asked.steps)
    images, rows = load(release, "test", asked.side)
    report(rows, score(torch, net, images))
    if asked.save is not None:
        save(torch, net, asked.save, asked.side)


if __name__ == "__main__":
    main()
