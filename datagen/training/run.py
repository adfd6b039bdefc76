"""A training run from faces to weights; it can be stopped and continued."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datagen.core.files import write_atomically
from datagen.errors import DeviceError, RecipeError, ReleaseError, RunError
from datagen.networks.autoencoder.network import torch_modules
from datagen.networks.diffusion.settings import check_device, is_out_of_memory
from datagen.training.aligned_faces import AlignedFaces
from datagen.training.checkpoint import CHECKPOINT, read_checkpoint, write_checkpoint
from datagen.training.draw import ahead, draw_step
from datagen.training.outcome import Faces, write_outcome
from datagen.training.preview import write_preview
from datagen.training.setup import Setup
from datagen.weights.card import WeightCard

if TYPE_CHECKING:
    from datagen.training.trainer import Trainer

__all__ = ["LOG", "Pace", "Watch", "check_training", "run_training"]

LOG = "log.csv"

_LINES_PER_CHECKPOINT = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """Length and device of a training.

    Attributes:
        steps: Total number of steps, including those of earlier runs.
        every: Number of steps between checkpoints.
        device: ``cpu`` or ``cuda``.
        threads: CPU cores.
    """

    steps: int
    every: int = 1000
    device: str = "cpu"
    threads: int = 1


@dataclass(slots=True)
class Watch:
    """Callbacks of a training.

    Attributes:
        tell: Called after each step with the number of steps taken and the losses.
        stop: Called after each step; a true result ends the training with a checkpoint.
    """

    tell: Callable[[int, Mapping[str, float]], None] = lambda step, losses: None
    stop: Callable[[], bool] = lambda: False


def check_training(device: str) -> None:
    """Check packages and device before any face is read.

    Raises:
        MissingExtraError: ``torch`` or ``safetensors`` is not installed.
        DeviceError: The device is missing.
    """
    torch_modules()
    check_device(device)


def run_training(
    folder: Path,
    setup: Setup,
    aligned: Sequence[AlignedFaces],
    faces: Faces,
    pace: Pace,
    watch: Watch,
) -> WeightCard | None:
    """Train, and write weights and card; return ``None`` if it was stopped before the end.

    Args:
        folder: Folder claimed by ``setup``; gets a checkpoint every ``pace.every`` steps and at
            the end.
        setup: Everything that determines the weights.
        aligned: Aligned faces of each identity, in the order of ``setup.people``.
        faces: The same faces in the index, for the card and its terms.
        pace: Length and device.
        watch: Callbacks.

    Raises:
        RecipeError: More steps were already taken than requested.
        DeviceError: A step does not fit into the device's memory.
        RunError: The losses are no longer finite.
    """
    from datagen.training.likeness import Likeness
    from datagen.training.trainer import Trainer, repeatable

    with repeatable(pace.threads):
        try:
            likeness = None
            if setup.identity is not None:
                likeness = Likeness(setup.identity.embedder, aligned, pace.device)
            trainer = Trainer(setup, pace.device, likeness)
            loop = _Loop(folder, setup, aligned, pace, trainer)
            loop.take_up()
            if not loop.go(watch):
                return None
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise DeviceError(
                f"a step of {setup.batch} faces of {setup.shape.size} pixels does not fit into the "
                f"memory of {pace.device}: use a smaller --batch, --width or --size"
            ) from None
        return write_outcome(folder, setup, faces, loop.step, trainer.network_tensors())


@dataclass
class _Loop:
    """The steps of one run."""

    folder: Path
    setup: Setup
    aligned: Sequence[AlignedFaces]
    pace: Pace
    trainer: Trainer
    step: int = 0
    lines: list[list[str]] = field(default_factory=list)

    def take_up(self) -> None:
        """Continue from the checkpoint, if there is one."""
        found = read_checkpoint(self.folder, self.setup.digest())
        if found is None:
            return
        self.step, tensors = found
        if self.step > self.pace.steps:
            raise RecipeError(
                f"{self.folder}: was already trained for {self.step} steps, more than --steps "
                f"{self.pace.steps}. Use --steps {self.step} or more, or another folder"
            )
        try:
            self.trainer.restore(tensors)
        except (KeyError, RuntimeError) as error:
            raise ReleaseError(
                f"{self.folder / CHECKPOINT}: does not contain this network ({error}). Remove it "
                "to start over"
            ) from None
        self.lines = [line for line in _read_log(self.folder) if int(line[0]) <= self.step]

    def go(self, watch: Watch) -> bool:
        """Take the remaining steps; return false if stopped before the last."""
        setup, pace = self.setup, self.pace
        size = setup.shape.size

        def make(step: int) -> Any:
            return draw_step(self.aligned, size, setup.batch, setup.seed, step)

        interval = max(1, pace.every // _LINES_PER_CHECKPOINT)
        for number, parts in ahead(make, range(self.step, pace.steps), pace.threads):
            losses = self.trainer.step(parts)
            if not all(map(math.isfinite, losses.values())):
                raise RunError(
                    f"{self.folder}: the losses of step {number + 1} are not finite. The last "
                    "checkpoint remains; train in a new folder with a lower --rate"
                )
            self.step = number + 1
            watch.tell(self.step, losses)
            if self.step % interval == 0 or self.step == pace.steps:
                self.lines.append([str(self.step), *(f"{loss:.6f}" for loss in losses.values())])
            stopped = self.step < pace.steps and watch.stop()
            if stopped or self.step % pace.every == 0 or self.step == pace.steps:
                self._save()
            if stopped:
                return False
        return True

    def _save(self) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            [["step", *self.trainer.losses], *self.lines]
        )
        write_atomically(self.folder / LOG, text.getvalue().encode())
        write_checkpoint(self.folder, self.step, self.setup.digest(), self.trainer.tensors())
        write_preview(self.folder, self.aligned, self.setup.shape.size, self.trainer.make)


def _read_log(folder: Path) -> list[list[str]]:
    try:
        rows = list(csv.reader(io.StringIO((folder / LOG).read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return []
    return [row for row in rows[1:] if row and row[0].isdigit()]
