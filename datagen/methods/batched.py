"""Methods whose central step is a network that processes many faces at once."""

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

    ``prepare`` and ``finish`` are pure and process one face at a time on a CPU core; ``run`` is
    the network. A method object is pickled with its config only; the module that loads a network
    caches it, once per process.

    Attributes:
        memory: Main memory of a worker in GiB, unless the recipe sets it.
        config: Options of the method, with device, precision and batch size.
    """

    learned: ClassVar[bool] = True
    memory: ClassVar[float] = 2.0
    config: NetworkOptions

    def resources(self) -> Resources:
        """See base class."""
        return self.config.resources(self.memory)

    @abstractmethod
    def open(self) -> None:
        """Load the network, so that a problem is found before any face is read.

        Raises:
            WeightsError: A file is missing, corrupt, or not the network that its card describes.
            DeviceError: The device does not exist.
            MissingExtraError: An optional package is not installed.
        """

    @abstractmethod
    def prepare(self, ctx: Context, params: Any) -> Any:
        """Return the network's input for one face.

        Raises:
            ItemError: The face cannot be manipulated.
        """

    @abstractmethod
    def run(self, prepared: Sequence[Any]) -> list[Any]:
        """Run the network on up to ``config.batch`` prepared faces.

        Returns:
            One output per face. The output of a face whose result is unusable (NaN, a black
            image) is an ``ItemError``, which ``finish`` raises; the other faces are not affected.

        Raises:
            DeviceError: Not even one face fits into the device's memory.
        """

    @abstractmethod
    def finish(self, ctx: Context, params: Any, prepared: Any, output: Any) -> Result:
        """Paste an output back and mark what was replaced.

        Raises:
            ItemError: The output is unusable: ``network_failed`` (not finite), ``black_image``.
        """

    def run_record(self) -> Mapping[str, Any]:
        """Return what the bytes depend on besides the params.

        Device, precision, the batch size after halving, and the versions of the libraries.
        """
        config = self.config
        return {"device": config.device, "precision": config.precision, "batch": config.batch}

    def apply(self, ctx: Context, params: Any) -> Result:
        """See base class; a batch of one, padded to the batch size."""
        prepared = self.prepare(ctx, params)
        (output,) = self.run([prepared])
        return self.finish(ctx, params, prepared, output)
