"""Methods whose middle is a network that takes many faces at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from datagen.engine.resources import Resources
from datagen.methods.base import Context, Method, Result
from datagen.networks.options import NetworkOptions

__all__ = ["BatchedMethod"]


class BatchedMethod(Method):
    """A method in three steps, so that a worker can overlap and batch them.

    ``prepare`` and ``finish`` are pure and run on a CPU core, a face at a time; ``run`` is the
    network. A method object is pickled with its config alone: what it loads is cached by the
    module that loads it, once a process.

    Attributes:
        memory: GiB of main memory that a worker holds for it unless the recipe says otherwise.
    """

    learned: ClassVar[bool] = True
    memory: ClassVar[float] = 2.0
    config: NetworkOptions

    def resources(self) -> Resources:
        """See base class."""
        return self.config.resources(self.memory)

    @abstractmethod
    def open(self) -> None:
        """Load the network, at once, so that what is wrong is known before any face is read.

        Raises:
            WeightsError: A file is missing, damaged, or not the network that its card describes.
            DeviceError: The device is not there.
            MissingExtraError: An optional package is not installed.
        """

    @abstractmethod
    def prepare(self, ctx: Context, params: Any) -> Any:
        """Return what the network needs of one face.

        Raises:
            ItemError: The face cannot be manipulated.
        """

    @abstractmethod
    def run(self, prepared: Sequence[Any]) -> list[Any]:
        """Send up to ``config.batch`` prepared faces through the network.

        A face whose output is unusable (NaN, a black image) gets an ``ItemError`` as its output,
        which ``finish`` raises; the others go on.

        Raises:
            DeviceError: Not even one face fits into the device's memory.
        """

    @abstractmethod
    def finish(self, ctx: Context, params: Any, prepared: Any, output: Any) -> Result:
        """Paste an output back and say what was replaced.

        Raises:
            ItemError: The output is unusable: ``network_failed`` (not finite), ``black_image``.
        """

    def run_record(self) -> Mapping[str, Any]:
        """Return what the bytes depend on beside the params.

        Device, precision, the batch as it was after halving, and versions of what ran it.
        """
        config = self.config
        return {"device": config.device, "precision": config.precision, "batch": config.batch}

    def apply(self, ctx: Context, params: Any) -> Result:
        """See base class; a batch of one, padded to the size of all."""
        prepared = self.prepare(ctx, params)
        (output,) = self.run([prepared])
        return self.finish(ctx, params, prepared, output)
