from __future__ import annotations

import dataclasses
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.errors import (
    CardError,
    DeviceError,
    ItemError,
    MissingExtraError,
    RecipeError,
    WeightsError,
)
from datagen.faces.face import FaceCrop
from datagen.methods.base import Context
from datagen.methods.inswapper import Inswapper, InswapperParams
from datagen.networks.alignment.align import five_points
from datagen.networks.batch import OutOfMemoryError
from datagen.networks.onnx.session import Session
from tests.support.crops import procedural_crop
from tests.support.small.inswapper import build_inswapper, swap_graph
from tests.support.small.onnx import constant, node, port, tensor, write_network

pytest.importorskip("insightface")

SIZE = 300
Graph = tuple[list[Any], list[Any], list[Any], list[Any]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    build_inswapper(folder)
    return folder


@pytest.fixture
def here(built: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(built))
    return built


@pytest.fixture
def own(built: Path, weights_copy: Callable[[Path], Path]) -> Path:
    return weights_copy(built)


def face(number: int) -> FaceCrop:
    return procedural_crop(number, SIZE, 400, 1.4)


def pair(number: int) -> Context:
    return Context(face(number), face(number + 1))


def method(**options: Any) -> Inswapper:
    return Inswapper.build({"batch": 3, "masks": ["box"], **options})


def drawn(ctx: Context, of: Inswapper | None = None) -> InswapperParams:
    return (of or method()).sample(rng("inswapper"), ctx)


def made(of: Inswapper, contexts: list[Context]) -> list[Image | ItemError]:
    """Send all through the network at once and return its images."""
    return of.run([of.prepare(ctx, drawn(ctx)) for ctx in contexts])


def recarded(folder: Path, graph: Graph) -> None:
    """Replace the network of the card by another file."""
    card = yaml.safe_load((folder / "cards" / "inswapper_128.yaml").read_text(encoding="utf-8"))
    write_network(folder, "inswapper_128", graph, card["network"])


def library_fake(folder: Path, ctx: Context, paste_back: bool) -> Image:
    """Return what a program that uses insightface makes of the same two images."""
    from insightface.app import FaceAnalysis
    from insightface.app.common import Face
    from insightface.model_zoo import get_model

    cpu = ["CPUExecutionProvider"]
    pack = FaceAnalysis(name=str(folder / "buffalo_l"), providers=cpu)
    swapper = get_model(str(folder / "inswapper_128.onnx"), providers=cpu)
    target, donor = ctx.target, ctx.need_donor()
    source = Face(kps=five_points(donor.landmarks))
    pack.models["recognition"].get(np.ascontiguousarray(donor.image[:, :, ::-1]), source)
    own = Face(kps=five_points(target.landmarks))
    blue_first = np.ascontiguousarray(target.image[:, :, ::-1])
    found = swapper.get(blue_first, own, source, paste_back=paste_back)
    return np.asarray(found if paste_back else found[0], np.uint8)[:, :, ::-1]


@pytest.mark.filterwarnings("ignore:`estimate` is deprecated:FutureWarning")  # scikit-image 0.26
def test_a_batch_gives_the_librarys_own_faces(here: Path) -> None:
    contexts = [pair(number) for number in range(5)]
    faces = made(method(), contexts)
    for ctx, ours in zip(contexts, faces, strict=True):
        theirs = library_fake(here, ctx, paste_back=False)
        assert not isinstance(ours, ItemError)
        assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.filterwarnings("ignore:`estimate` is deprecated:FutureWarning")
def test_a_fake_is_the_librarys_own_image(here: Path) -> None:
    ctx = pair(2)
    result = method().apply(ctx, drawn(ctx))
    theirs = library_fake(here, ctx, paste_back=True)
    assert np.abs(result.image.astype(int) - theirs).max() <= 3
    assert np.abs(result.image.astype(int) - ctx.target.image)[result.mask == 255].mean() > 4


def test_any_size_of_batch_and_both_forms_of_file_give_the_same(own: Path, tmp_path: Path) -> None:
    contexts = [pair(number) for number in range(4)]
    one = made(method(batch=1), contexts)
    many = made(method(batch=3), contexts)
    recarded(own, swap_graph("n"))
    shutil.copytree(own, tmp_path / "free")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATAGEN_WEIGHTS", str(tmp_path / "free"))
        free = made(method(batch=4), contexts)
    for first, second, third in zip(one, many, free, strict=True):
        assert not isinstance(first, ItemError)
        for other in (second, third):
            assert not isinstance(other, ItemError)
            assert np.abs(first.astype(int) - other).max() <= 1


def test_the_fake_depends_on_target_and_donor(here: Path) -> None:
    of, target = method(), face(0)
    params = drawn(pair(0))
    first, second = (of.apply(Context(target, face(n)), params) for n in (1, 2))
    other = of.apply(Context(face(3), face(1)), drawn(Context(face(3), face(1))))
    inside = first.mask == 255
    assert np.abs(first.image.astype(int) - second.image)[inside].mean() > 2
    assert np.abs(first.image.astype(int) - other.image).mean() > 2
    np.testing.assert_array_equal(first.mask, second.mask)


def test_it_moves_toward_the_donor_and_keeps_the_landmarks(here: Path) -> None:
    nearer = 0
    for number in range(6):
        ctx = pair(number)
        result = method().apply(ctx, drawn(ctx))
        tones = [
            image[ctx.target.landmarks[28:36].astype(int)[:, 1]].mean(axis=(0, 1))
            for image in (ctx.target.image, result.image)
        ]
        lent = ctx.need_donor()
        goal = lent.image[lent.landmarks[28:36].astype(int)[:, 1]].mean(axis=(0, 1))
        nearer += float(np.abs(tones[1] - goal).sum()) <= float(np.abs(tones[0] - goal).sum())
        np.testing.assert_array_equal(result.landmarks, ctx.target.landmarks)
    assert nearer >= 5


def test_the_mask_is_drawn_and_bounds_the_change(here: Path) -> None:
    ctx, of = pair(1), method(masks=["box", "face"])
    draws = [of.sample(rng("masks", number), ctx) for number in range(12)]
    assert {draw.mask.kind for draw in draws} == {"box", "face"}
    areas = {draw.mask.kind: float((of.apply(ctx, draw).mask > 0).mean()) for draw in draws}
    assert areas["face"] < 0.8 * areas["box"]


def identity_graph() -> Graph:
    """A network that gives back its target, whatever the donor."""
    nodes, inputs, outputs, constants = swap_graph(1)
    kept = [one for one in constants if one.name in ("last", "end", "axis", "zero", "emap")]
    nodes = [
        node("Slice", ["source", "last", "end", "axis"], "length"),
        node("Mul", ["length", "zero"], "nothing"),
        node("Reshape", ["nothing", "four"], "nowhere"),
        node("Add", ["target", "nowhere"], "output"),
    ]
    four = constant("four", [1, 1, 1, 1], np.int64)
    return nodes, inputs, outputs, [four, *kept]


def test_a_control_is_the_fake_of_a_network_that_changes_nothing(own: Path) -> None:
    recarded(own, identity_graph())
    for masks in (["box"], ["face"]):
        of, ctx = method(masks=masks), pair(3)
        params = drawn(ctx, of)
        result, control = of.apply(ctx, params), of.control(ctx, params)
        np.testing.assert_array_equal(result.image, control)
        inside = result.mask > 0
        squared = np.square(control.astype(float) - ctx.target.image)[inside].mean()
        assert 30 < 10 * np.log10(255**2 / squared) < 60


def spoiled(spoil: list[Any], *constants: Any) -> Graph:
    """The sound network, whose ``output`` becomes ``fine`` and goes through more nodes."""
    nodes, inputs, outputs, known = swap_graph(1)
    nodes[-1].output[0] = "fine"
    return [*nodes, *spoil], inputs, outputs, [*constants, *known]


def nan_for_dark() -> Graph:
    """NaN for a target whose mean is below 0.05."""
    return spoiled(
        [
            node("ReduceMean", ["target"], "mean", axes=[1, 2, 3], keepdims=1),
            node("Sub", ["mean", "least"], "above"),
            node("Sqrt", ["above"], "root"),
            node("Mul", ["root", "zero"], "nothing"),
            node("Add", ["fine", "nothing"], "output"),
        ],
        constant("least", 0.05),
    )


def black_for_dark() -> Graph:
    """Black for a target whose mean is below 0.05."""
    return spoiled(
        [
            node("ReduceMean", ["target"], "mean", axes=[1, 2, 3], keepdims=1),
            node("Sub", ["mean", "least"], "above"),
            node("Mul", ["above", "steep"], "steeper"),
            node("Clip", ["steeper", "zero", "one"], "open"),
            node("Mul", ["fine", "open"], "output"),
        ],
        constant("least", 0.05),
        constant("steep", 1e6),
    )


@pytest.mark.parametrize(
    ("graph", "code"), [(nan_for_dark, "network_failed"), (black_for_dark, "black_image")]
)
def test_one_bad_face_does_not_spoil_the_others(
    own: Path, graph: Callable[[], Graph], code: str
) -> None:
    sound = made(method(), [pair(0), pair(2)])
    recarded(own, graph())
    of = method(threads=2)  # another way to run it: not the network that is open already
    dark = dataclasses.replace(face(1), image=face(1).image // 20)
    contexts = [pair(0), Context(dark, face(2)), pair(2)]
    outputs = made(of, contexts)
    for output, known in zip([outputs[0], outputs[2]], sound, strict=True):
        assert not isinstance(output, ItemError)
        assert not isinstance(known, ItemError)
        assert np.abs(output.astype(int) - known).max() <= 1
    assert isinstance(outputs[1], ItemError)
    assert outputs[1].code == code
    with pytest.raises(ItemError, match=code):
        of.apply(contexts[1], drawn(contexts[1]))


def test_an_embedding_of_no_use_is_an_item_error(own: Path) -> None:
    nodes, inputs, outputs, constants = swap_graph(1)
    zeros: NDArray[np.float32] = np.zeros((512, 512), np.float32)
    recarded(own, (nodes, inputs, outputs, [*constants[:-1], constant("emap", zeros)]))
    with pytest.raises(ItemError, match="network_failed: the donor's embedding"):
        method().apply(pair(0), drawn(pair(0)))


def without_emap() -> Graph:
    nodes, inputs, outputs, constants = swap_graph(1)
    return nodes, inputs, outputs, constants[:-1]


def emap_in_front() -> Graph:
    nodes, inputs, outputs, constants = swap_graph(1)
    return nodes, inputs, outputs, [constants[-1], *constants[:-1]]


def one_input() -> Graph:
    nodes = [node("Identity", ["target"], "output")]
    return nodes, [port("target", 128)], [port("output", 128)], []


def no_constants() -> Graph:
    nodes = [
        node("Identity", ["target"], "output"),
    ]
    return (
        nodes,
        [port("target", 128), tensor("source", [1, 512])],
        [port("output", 128)],
        [],
    )


def larger() -> Graph:
    nodes = [node("Identity", ["target"], "output")]
    inputs = [port("target", 256), tensor("source", [1, 512])]
    return nodes, inputs, [port("output", 256)], [constant("emap", np.eye(512))]


def two_outputs() -> Graph:
    nodes, inputs, outputs, constants = swap_graph(1)
    nodes.append(node("Identity", ["output"], "again"))
    return nodes, inputs, [*outputs, port("again", 128)], constants


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (without_emap, "its last initializer is 1x1x128x128 float32, expected the emap of 512x512"),
        (emap_in_front, "its last initializer is 1x1x128x128"),
        (no_constants, "insightface cannot load it"),
        (one_input, "expected inputs of 1x3x128x128 and 1x512"),
        (larger, "expected inputs of 1x3x128x128 and 1x512"),
        (two_outputs, "one image as output"),
    ],
)
def test_another_network_is_refused(own: Path, graph: Callable[[], Graph], words: str) -> None:
    recarded(own, graph())
    with pytest.raises(WeightsError, match=r"inswapper_128\.onnx: not an inswapper") as caught:
        method().open()
    assert words in str(caught.value)


def test_a_damaged_file_is_refused(own: Path) -> None:
    path = own / "inswapper_128.onnx"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match=r"inswapper_128\.onnx"):
        method().open()
    card = own / "cards" / "inswapper_128.yaml"
    stated = yaml.safe_load(card.read_text(encoding="utf-8"))
    del stated["sha256"], stated["size"]
    card.write_text(yaml.safe_dump(stated), encoding="utf-8")
    with pytest.raises(WeightsError, match="onnxruntime cannot open it"):
        method().open()


def test_a_missing_file_or_pack_is_named(own: Path) -> None:
    shutil.rmtree(own / "buffalo_l")
    with pytest.raises(WeightsError, match="buffalo_l"):
        method().open()
    (own / "inswapper_128.onnx").unlink()
    with pytest.raises(WeightsError, match=r"inswapper_128\.onnx"):
        method().open()


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("w_made_up.onnx", "has no network for recognition .found 1k3d68.onnx, det_made_up.onnx"),
        ("det_made_up.onnx", "insightface cannot load this model pack: it contains no detector"),
    ],
)
def test_half_a_pack_is_refused(own: Path, gone: str, words: str) -> None:
    (own / "buffalo_l" / gone).unlink()
    with pytest.raises(WeightsError, match=words):
        method().open()


def test_a_recognizer_of_another_kind_is_refused(own: Path) -> None:
    nodes = [
        node("GlobalAveragePool", ["input.1"], "mean"),
        node("Flatten", ["mean"], "embedding"),
    ]
    graph: Graph = (nodes, [port("input.1", 112)], [tensor("embedding", [1, 3])], [])
    path = write_network(
        own, "other", graph, {"task": "embed", "face": {"template": "arcface_128"}}
    )
    path.rename(own / "buffalo_l" / "w_made_up.onnx")
    with pytest.raises(WeightsError, match=r"\[1, 3\] is not the recognizer .* returns 512"):
        method().open()


def test_cards_of_other_forms_are_refused(here: Path) -> None:
    with pytest.raises(CardError, match="pack: weight card 'inswapper_128' has form 'onnx'"):
        method(pack="inswapper_128").open()
    with pytest.raises(CardError, match="weights: weight card 'insightface_buffalo_l' has form"):
        method(weights="insightface_buffalo_l").open()
    with pytest.raises(CardError, match="no weight card 'inswaper_128'"):
        method(weights="inswaper_128").open()


def test_a_gpu_that_is_not_there_is_refused(here: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("there is a GPU")
    with pytest.raises(DeviceError, match="device: cuda was requested"):
        method(device="cuda").open()


def test_without_the_package_the_extra_is_named(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "insightface"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "insightface", None)
    with pytest.raises(MissingExtraError, match=r"'inswapper' .*pip install 'datagen\[insightface"):
        method().open()


def test_a_full_memory_halves_the_batch_and_says_so(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recarded(own, swap_graph("n"))
    whole = Session.__call__

    def tight(self: Session, names: Any, feeds: Any) -> Any:
        if any(len(value) > 2 for value in feeds.values()):
            raise OutOfMemoryError("full")
        return whole(self, names, feeds)

    of = method(batch=4)
    assert of.run_record()["batch"] == 4
    monkeypatch.setattr(Session, "__call__", tight)
    outputs = made(of, [pair(number) for number in range(4)])
    assert not any(isinstance(output, ItemError) for output in outputs)
    record = of.run_record()
    assert record["batch"] == 2
    assert "insightface 2" in record["runtime"]
    monkeypatch.setattr(Session, "__call__", lambda *_: tight(_[0], _[1], {"x": range(9)}))
    with pytest.raises(DeviceError, match="'inswapper_128' on cpu: not even one face fits"):
        made(of, [pair(0)])


def test_it_prints_nothing(own: Path, capfd: pytest.CaptureFixture[str]) -> None:
    method().apply(pair(0), drawn(pair(0)))
    assert capfd.readouterr() == ("", "")


def test_it_loads_neither_albumentations_nor_torch(here: Path) -> None:
    code = (
        "import sys; from datagen.methods.inswapper import Inswapper; "
        "assert 'insightface' not in sys.modules and 'onnxruntime' not in sys.modules; "
        "Inswapper.build({}).open(); "
        "print(sorted({'albumentations', 'torch', 'matplotlib'} & set(sys.modules))); "
        "print('insightface.app.mask_renderer' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["[]", "False"]


def test_it_travels_after_it_was_opened(here: Path) -> None:
    of = method()
    first = of.apply(pair(0), drawn(pair(0)))
    again = pickle.loads(pickle.dumps(of))
    np.testing.assert_array_equal(again.apply(pair(0), drawn(pair(0))).image, first.image)
    assert len(pickle.dumps(of)) < 2000


def test_it_names_both_cards_and_reads_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    assert Inswapper.build({}).weight_ids() == ("inswapper_128", "insightface_buffalo_l")
    other = Inswapper.build({"weights": "hyperswap_1a_256", "pack": "insightface_buffalo_s"})
    assert other.weight_ids() == ("hyperswap_1a_256", "insightface_buffalo_s")
    assert other.resources().memory == 3 << 30


def test_cards_of_other_forms_are_refused_before_anything_is_opened(here: Path) -> None:
    with pytest.raises(CardError, match="pack: weight card 'inswapper_128' has form 'onnx'"):
        method(pack="inswapper_128").weight_ids()
    with pytest.raises(CardError, match="no weight card 'mine'"):
        method(weights="mine").weight_ids()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"precision": "fp16"}, "precision of an ONNX network is fixed"),
        ({"masks": ["network"]}, "inswapper returns no mask"),
        ({"masks": ["box", "box"]}, "listed twice"),
        ({"masks": []}, "masks"),
        ({"weight": "x"}, "weight"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        Inswapper.build(options)
