"""A training from its faces to its weights: goes on where it was stopped, and stops when asked."""

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

_LINES_A_CHECKPOINT = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and on what.

    Attributes:
        steps: In all, those of an earlier run included.
        every: Steps between checkpoints.
        threads: Cores.
    """

    steps: int
    every: int = 1000
    device: str = "cpu"
    threads: int = 1


@dataclass(slots=True)
class Watch:
    """What goes between a training and who started it.

    Attributes:
        tell: Called after each step with the steps taken and the losses.
        stop: Asked after each step; true ends the training with a checkpoint.
    """

    tell: Callable[[int, Mapping[str, float]], None] = lambda step, losses: None
    stop: Callable[[], bool] = lambda: False


def check_training(device: str) -> None:
    """Refuse what is known to fail before any face is read.

    Raises:
        MissingExtraError: ``torch`` or ``safetensors`` is not installed.
        DeviceError: The device is not there.
    """
    torch_modules()
    check_device(device)


def run_training(
    folder: Path,
    setup: Setup,
    people: Sequence[AlignedFaces],
    faces: Faces,
    pace: Pace,
    watch: Watch,
) -> WeightCard | None:
    """Train, and write weights and card; ``None`` when it was stopped before its end.

    Args:
        folder: Claimed by ``setup``; has a checkpoint after each ``every`` steps and at the end.
        setup: What decides the weights.
        people: Their aligned faces, in the order of ``setup.people``.
        faces: For card and terms.
        pace: How long and on what.
        watch: See there.

    Raises:
        RecipeError: More steps were taken already than are asked for.
        DeviceError: A step does not fit into the device's memory.
        RunError: The losses are no longer finite.
    """
    from datagen.training.trainer import Trainer, repeatable

    with repeatable(pace.threads):
        try:
            trainer = Trainer(setup, pace.device)
            loop = _Loop(folder, setup, people, pace, trainer)
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
    people: Sequence[AlignedFaces]
    pace: Pace
    trainer: Trainer
    step: int = 0
    lines: list[list[str]] = field(default_factory=list)

    def take_up(self) -> None:
        """Go to where the checkpoint is, if there is one."""
        found = read_checkpoint(self.folder, self.setup.digest())
        if found is None:
            return
        self.step, tensors = found
        if self.step > self.pace.steps:
            raise RecipeError(
                f"{self.folder}: was trained for {self.step} steps already, and --steps asks for "
                f"{self.pace.steps}. Ask for {self.step} or more, or name another folder"
            )
        try:
            self.trainer.restore(tensors)
        except (KeyError, RuntimeError) as error:
            raise ReleaseError(
                f"{self.folder / CHECKPOINT}: does not hold this network ({error}). Remove it to "
                "begin again"
            ) from None
        self.lines = [line for line in _read_log(self.folder) if int(line[0]) <= self.step]

    def go(self, watch: Watch) -> bool:
        """Take the steps that are missing; false when asked to stop before the last."""
        setup, pace = self.setup, self.pace
        size = setup.shape.size

        def make(step: int) -> Any:
            return draw_step(self.people, size, setup.batch, setup.seed, step)

        told = max(1, pace.every // _LINES_A_CHECKPOINT)
        for number, parts in ahead(make, range(self.step, pace.steps), pace.threads):
            losses = self.trainer.step(parts)
            if not all(map(math.isfinite, losses.values())):
                raise RunError(
                    f"{self.folder}: the losses of step {number + 1} are not finite. Its last "
                    "checkpoint stays; train in a new folder with a lower --rate"
                )
            self.step = number + 1
            watch.tell(self.step, losses)
            if self.step % told == 0 or self.step == pace.steps:
                self.lines.append([str(self.step), *(f"{loss:.6f}" for loss in losses.values())])
            stopped = self.step < pace.steps and watch.stop()
            if stopped or self.step % pace.every == 0 or self.step == pace.steps:
                self._save()
            if stopped:
                return False
        return True

    def _save(self) -> None:
        from datagen.training.trainer import LOSSES

        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([["step", *LOSSES], *self.lines])
        write_atomically(self.folder / LOG, text.getvalue().encode())
        write_checkpoint(self.folder, self.step, self.setup.digest(), self.trainer.tensors())
        write_preview(self.folder, self.people, self.setup.shape.size, self.trainer.make)


def _read_log(folder: Path) -> list[list[str]]:
    try:
        rows = list(csv.reader(io.StringIO((folder / LOG).read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return []
    return [row for row in rows[1:] if row and row[0].isdigit()]
