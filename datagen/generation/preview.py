"""Single pairs for figures and experiments, from faces that passed the rights gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from datagen.core.arguments import found, maybe_mapping, whole
from datagen.core.arrays import Affine, Image, Landmarks, Mask
from datagen.core.images import encode_png
from datagen.core.progress import Progress
from datagen.core.spelling import spelling
from datagen.engine import Engine
from datagen.errors import RecipeError
from datagen.faces.clip_reader import ClipReader
from datagen.faces.crop import CropJitter
from datagen.faces.face import FaceCrop
from datagen.faces.index import Face
from datagen.faces.reader import FaceReader
from datagen.generation.checks import alike_in_color
from datagen.generation.pair import Draft
from datagen.generation.prepare import Prepared, index_faces, prepare
from datagen.methods import METHODS, Context, Method
from datagen.planning import Item
from datagen.recipe import Recipe
from datagen.recipe.build import weight_cards_of
from datagen.release.notebook import image_tag
from datagen.rights import check_rights, today
from datagen.weights.obtain import obtain_weights
from datagen.weights.store import weight_store

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FaceCollection", "IndexedFace", "PreviewPair", "make_preview"]

_STATED = ("source", "image_id", "identity", "sex", "age", "ethnicity", "yaw", "pitch", "roll")


class FaceCollection(Sequence["IndexedFace"]):
    """The faces of a recipe's sources that passed the rights gate, in the order of the index.

    ``open_index`` returns it; there is no other way to a face.
    """

    def __init__(self, recipe: Recipe, engine: Callable[[], Engine], progress: Progress) -> None:
        self._prepared = prepare(recipe)  # the rights gate comes before the first image
        sources = recipe.sources()
        self._index = index_faces(self._prepared, sources, engine, progress).index
        face = recipe.spec.face
        by_id = {source.card.id: source for source in sources}
        self._reader = FaceReader(by_id, face.size, face.margin)
        self._clips = ClipReader(by_id, self._reader, face.size, face.margin, "fixed")

    def crop(self, number: int) -> tuple[FaceCrop, Affine]:
        """Return the crop of a face; of one in a video, that of the middle frame of its track.

        Returns:
            The crop, and the map from source pixels to crop pixels.
        """
        row = self._index.face(number)
        if row.frames is None:
            return self._reader.crop(row, CropJitter())
        middle = np.array([row.frames // 2])
        clip = self._clips.of_track(row, self._index.track(number), middle, CropJitter())
        return clip.crops[0], clip.matrices[0]

    def __len__(self) -> int:
        """Return the number of faces."""
        return len(self._index)

    @overload
    def __getitem__(self, number: int) -> IndexedFace: ...

    @overload
    def __getitem__(self, number: slice) -> list[IndexedFace]: ...

    def __getitem__(self, number: int | slice) -> IndexedFace | list[IndexedFace]:
        """Return a face, or several."""
        numbers = range(len(self))[number]
        if isinstance(numbers, range):
            return [IndexedFace(self, one) for one in numbers]
        return IndexedFace(self, numbers)

    def __iter__(self) -> Iterator[IndexedFace]:
        """Iterate over all faces."""
        return (IndexedFace(self, number) for number in range(len(self)))

    def __repr__(self) -> str:
        """Return the number of faces."""
        return f"<FaceCollection of {len(self)} faces>"

    def to_frame(self) -> pd.DataFrame:
        """Return what the sources state about the faces, one row per face."""
        frame: pd.DataFrame = self._index.table.select(list(_STATED)).to_pandas()
        return frame


class IndexedFace:
    """A face that passed the rights gate; its image is read when it is asked for."""

    def __init__(self, faces: FaceCollection, number: int) -> None:
        self._faces = faces
        self.number = number

    @property
    def identity(self) -> str:
        """Identity, as ``source/identity``."""
        return f"{self._row.source}/{self._row.identity}"

    @property
    def face_id(self) -> str:
        """Id of the face within its source."""
        return self._row.face_id

    @property
    def age(self) -> float | None:
        """Age in years, as the source states it."""
        return self._row.age

    @property
    def sex(self) -> str | None:
        """Sex, as the source states it."""
        return self._row.sex

    @property
    def image(self) -> Image:
        """The crop at the size of the recipe: ``(size, size, 3)`` uint8 RGB, read-only."""
        return self._crop.image

    @property
    def landmarks(self) -> Landmarks:
        """The 68 landmarks in pixels of ``image``: ``(68, 2)`` float32."""
        return self._crop.landmarks

    def __repr__(self) -> str:
        """Return identity and id."""
        return f"<IndexedFace {self.identity}, {self.face_id}>"

    @cached_property
    def _row(self) -> Face:
        return self._faces._index.face(self.number)

    @cached_property
    def _crop(self) -> FaceCrop:
        return self._faces.crop(self.number)[0]


@dataclass(frozen=True, slots=True, eq=False)
class PreviewPair:
    """A pair that was made to look at; it is in no release.

    Attributes:
        real: The real image, ``(size, size, 3)`` uint8 RGB.
        fake: The fake, of the same shape.
        mask: How strongly each pixel was replaced: ``(size, size)`` uint8, 0 is unchanged.
        control: The real image after the method's pipeline without the manipulation; ``None`` if
            the method has no control.
        method: Name of the method.
        params: The parameters that the method drew.
    """

    real: Image
    fake: Image
    mask: Mask
    control: Image | None
    method: str
    params: dict[str, Any]

    def __repr__(self) -> str:
        """Return the method, the size and the kinds of images."""
        kinds = "real, fake, mask" + ("" if self.control is None else ", control")
        height, width = self.mask.shape
        return f"<PreviewPair {self.method}, {height}x{width}: {kinds}>"

    def _repr_html_(self) -> str:
        """Show the images side by side in a notebook."""
        images = [self.real, self.fake, self.mask]
        images += [] if self.control is None else [self.control]
        return "".join(image_tag("image/png", encode_png(image)) for image in images)


def make_preview(
    method: str | Method,
    face: IndexedFace,
    donor: IndexedFace | None,
    options: Mapping[str, Any] | None,
    seed: int,
) -> PreviewPair:
    """Make one pair of a face, without degradation.

    Args:
        method: Name of a method, or a method that is already built.
        face: The target.
        donor: The donor, for methods that need one.
        options: Options of the method, as in a recipe.
        seed: Names the random draws.

    Raises:
        RecipeError: An unknown method or option, or a donor is missing or given where
            none is needed.
        RightsError: A weight file does not cover the purpose of the face's recipe.
        ItemError: The face cannot be manipulated.
        ContractError: The method broke its contract.
    """
    seed = whole(seed, "seed", 0, RecipeError)
    _refuse_loose(face, "face")
    if donor is not None:
        _refuse_loose(donor, "donor")
    built = _built(method, options)
    _refuse_wrong_faces(built, face, donor)
    prepared: Prepared = face._faces._prepared
    cards = weight_cards_of(built)
    check_rights(prepared.recipe.cards, cards, prepared.purpose, today())
    obtain_weights(weight_store(), cards, Progress(shown=False))
    crop, matrix = face._faces.crop(face.number)
    context = Context(*alike_in_color(crop, None if donor is None else donor._crop))
    item = Item(
        split="train",
        number=0,
        base=0,
        pair_id="preview",
        base_id="preview",
        method=0,
        target=face.number,
        donor=None if donor is None else donor.number,
        control=built.has_control,
    )
    donor_row = None if donor is None else donor._row
    draft = Draft(item, built, face._row, donor_row, matrix, context, seed, built.min_change)
    while (pair := draft.accept(draft.apply())) is None:
        pass
    return PreviewPair(
        real=pair.images["real"],
        fake=pair.images["fake"],
        mask=pair.mask,
        control=pair.images.get("control"),
        method=built.name,
        params=pair.params.model_dump(mode="json"),
    )


def _refuse_loose(face: object, name: str) -> None:
    if not isinstance(face, IndexedFace):
        raise RecipeError(
            f"{name}: must come from open_index ({found(face)}): loose photographs cannot be "
            "used, because the rights gate has not seen them",
            key=name,
        )


def _built(method: str | Method, options: Mapping[str, Any] | None) -> Method:
    given = maybe_mapping(options, "options", "{'parts': ['mouth']}", RecipeError)
    if isinstance(method, str):
        return METHODS.load(method).build(given)
    if not isinstance(method, Method):
        raise RecipeError(
            f"method: must be the name of a method or a built one ({found(method)})", key="method"
        )
    if options:
        raise RecipeError(f"method {method.name!r} is built already and takes no more options")
    return method


def _refuse_wrong_faces(method: Method, face: IndexedFace, donor: IndexedFace | None) -> None:
    what = f"method {method.name!r}"
    if method.needs_mesh and face._row.mesh is None:
        raise RecipeError(
            f"{what} needs the 478-point mesh, which the recipe's face analyzer does not give: "
            "set face.analyzer to mediapipe"
        )
    if donor is None:
        if method.needs_donor:
            raise RecipeError(f"{what} needs a donor: pass another face of open_index")
        return
    if not method.needs_donor:
        raise RecipeError(f"{what} takes no donor: remove it")
    if spelling(donor.identity) == spelling(face.identity):
        raise RecipeError(f"donor: {donor.identity} is the identity of the face itself")
    allowed = method.donor_identities()
    if allowed is not None and donor.identity not in allowed:
        raise RecipeError(f"donor: the weights of {what} do not know {donor.identity}")
    if donor.image.shape != face.image.shape:
        raise RecipeError(
            f"donor: its crop has {donor.image.shape[0]} pixels a side and that of the face "
            f"{face.image.shape[0]}: open both with the same recipe"
        )
