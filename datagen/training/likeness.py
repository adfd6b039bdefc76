"""An identity loss: swapped faces must resemble the donor in an embedder's eyes.

Import it only inside functions, because it imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from datagen.errors import CardError
from datagen.faces.geometry.warp import similarity
from datagen.networks.alignment.align import TEMPLATES
from datagen.networks.autoencoder.face import aligned_points
from datagen.networks.onnx.identity import embedder_card
from datagen.networks.onnx.torch_graph import load_graph
from datagen.training.aligned_faces import AlignedFaces
from datagen.weights import Embedder
from datagen.weights.store import weight_store

__all__ = ["Likeness", "check_embedder"]

_REFERENCES = 64  # faces of an identity that its mean embedding is taken of
_BATCH = 16


def check_embedder(card_id: str) -> Embedder:
    """Return the contract of an embedder that a training can use.

    Raises:
        CardError: The card is missing, is none of an embedder, or takes the face by its box, which
            an aligned face no longer has.
    """
    contract = embedder_card(card_id)[1]
    if contract.template is None:
        raise CardError(
            f"--embedder: weight card {card_id!r} takes the face by its box (embedder.box); "
            "training needs one that aligns it by a template, such as 'mobileface'"
        )
    return contract


class Likeness:
    """The embedder and the mean embedding of each identity.

    Args:
        card_id: Id of a weight card with a section ``embedder``.
        faces: Faces of each identity.
        device: ``cpu`` or ``cuda``.

    Raises:
        CardError: See ``check_embedder``.
        WeightsError: The file is missing, or its operators are not known.
        MissingExtraError: The package ``onnx`` is not installed.
    """

    def __init__(self, card_id: str, faces: Sequence[AlignedFaces], device: str) -> None:
        self._how = check_embedder(card_id)
        path = weight_store().fetch(embedder_card(card_id)[0])
        self._network = load_graph(path, self._how.output).to(device)
        self._device = device
        self._colors = [torch.from_numpy(one.color).to(device) for one in faces]
        self._means = torch.stack([self._mean(one) for one in faces])

    def loss(self, made: Tensor, mask: Tensor, real: Tensor, target: int, donor: int) -> Tensor:
        """Return how far swapped faces are from the donor: 1 less the cosine, on average.

        Args:
            made: The donor's decoded faces, ``(n, 3, size, size)``, in the donor's mean colors.
            mask: Where they take the place of the target's.
            real: The target's faces, in the target's mean colors.
            target: Position of the identity whose faces they were.
            donor: Position of the identity whose faces they shall be.
        """
        worn, own = self._colors[donor], self._colors[target]
        scale = own[1] / worn[1].clamp(min=1e-2)
        colored = (made - _channels(worn[0])) * _channels(scale) + _channels(own[0])
        pasted = torch.lerp(real, colored, mask).clamp(0, 1)
        return 1 - (self._embed(pasted) @ self._means[donor]).mean()

    def _mean(self, faces: AlignedFaces) -> Tensor:
        places = np.unique(np.linspace(0, len(faces) - 1, min(_REFERENCES, len(faces))).astype(int))
        rows = []
        with torch.no_grad():
            for start in range(0, len(places), _BATCH):
                taken = faces.images[places[start : start + _BATCH]].transpose(0, 3, 1, 2)
                images = torch.from_numpy(np.ascontiguousarray(taken)).to(self._device)
                rows.append(self._embed(images.float() / 255))
        return functional.normalize(torch.cat(rows).mean(dim=0), dim=0)

    def _embed(self, faces: Tensor) -> Tensor:
        """Return embeddings of unit length of aligned faces in [0, 1]."""
        how = self._how
        grid = self._grid(faces.shape[-1]).expand(len(faces), -1, -1, -1)
        taken = functional.grid_sample(faces, grid, align_corners=False)
        low, high = how.values
        taken = low + (high - low) * (taken.flip(1) if how.color == "bgr" else taken)
        return functional.normalize(self._network(taken), dim=1)

    def _grid(self, size: int) -> Tensor:
        """Return where the embedder's pixels lie in the aligned face, ``(1, side, side, 2)``."""
        side, template = self._how.size, self._how.template
        assert template is not None
        goal = TEMPLATES[template] * np.float32(side)
        matrix = similarity(goal, aligned_points(size))
        steps = np.arange(side, dtype=np.float64)
        pixels = np.stack(np.meshgrid(steps, steps), axis=2) @ matrix[:, :2].T + matrix[:, 2]
        places = ((2 * pixels + 1) / size - 1).astype(np.float32)
        return torch.from_numpy(places)[None].to(self._device)


def _channels(values: Tensor) -> Tensor:
    return values[:, None, None]
