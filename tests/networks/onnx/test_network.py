from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml

from datagen.core.rng import rng
from datagen.errors import CardError, DeviceError, MissingExtraError, WeightsError
from datagen.networks.batch import OutOfMemoryError
from datagen.networks.onnx.card import weight_closure
from datagen.networks.onnx.network import OnnxNetwork, open_network
from datagen.networks.onnx.session import Floats, Session, runtime_version
from datagen.weights.catalog import shipped_weight_cards
from datagen.weights.io_contract import Task
from datagen.weights.store import weight_store
from tests.support.small.onnx import AGE, ENHANCER, SWAP, SWAP_BY_IMAGE, SWAP_EMAP, SWAP_MASK
from tests.support.small.onnx_broken import recard

TASKS: tuple[Task, ...] = ("swap", "edit", "enhance")


pytestmark = pytest.mark.usefixtures("onnx_folder")


def _open(card_id: str) -> OnnxNetwork:
    return open_network(card_id, "cpu", 1)


def _noise(*shape: int) -> Floats:
    return rng("onnx", *shape).random(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("card_id", "names"),
    [
        (SWAP, ["target", "source"]),
        (SWAP_BY_IMAGE, ["target", "source"]),
        (AGE, ["input"]),
        (ENHANCER, ["input"]),
        ("small_converter", ["input"]),
    ],
)
def test_inputs_are_found(card_id: str, names: list[str]) -> None:
    assert [port.name for port in _open(card_id).inputs] == names


def test_a_network_is_opened_once() -> None:
    assert _open(SWAP) is _open(SWAP)


def test_a_card_that_changes_is_read_again(onnx_folder: Path) -> None:
    found = []
    for weight in (0.0, 1.0, 0.0):
        recard(onnx_folder, ENHANCER, "turning", fixed={"weight": weight})
        found.append(_open("turning"))
    assert found[0] is found[2] is not found[1]


def test_a_file_for_one_face_is_called_once_a_face() -> None:
    network = _open(SWAP_MASK)
    faces, vectors = _noise(3, 3, 256, 256), _noise(3, 512)
    image, mask = network(faces, vectors)
    assert image.shape == (3, 3, 256, 256)
    assert mask.shape == (3, 1, 256, 256)
    for row in range(3):
        alone = network(faces[row : row + 1], vectors[row : row + 1])
        assert (alone[0][0] == image[row]).all()
        assert (alone[1][0] == mask[row]).all()
    assert np.abs(image[0] - image[1]).mean() > 0.05


def test_a_batch_gives_what_single_faces_give() -> None:
    network = _open(AGE)
    faces = _noise(4, 3, 256, 256)
    (together,) = network(faces)
    alone = np.concatenate([network(faces[row : row + 1])[0] for row in range(4)])
    assert np.abs(together - alone).max() < 1e-5


def test_a_fixed_value_goes_into_its_input(onnx_folder: Path) -> None:
    recard(onnx_folder, ENHANCER, "weak", fixed={"weight": 0.0})
    face = _noise(1, 3, 512, 512)
    assert np.abs(_open("weak")(face)[0] - face).max() < 1e-6
    assert np.abs(_open(ENHANCER)(face)[0] - face).mean() > 0.05


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        (AGE, {"face": {"size": 128}}, r"input 'input' \[free, 3, 256, 256\].*\[1 or free, 3, 128"),
        (SWAP, {"face": {"size": 128}}, r"input 'target' \[1, 3, 256, 256\] is not the face"),
        (SWAP, {"identity_name": "latent"}, r"'latent'; the file has 'target', 'source'"),
        (SWAP, {"output_name": "image"}, r"'image'; the file has 'output'"),
        (SWAP_MASK, {"mask_name": "output"}, r"no output 'output' of 4 axes and 1 channels"),
        (ENHANCER, {"fixed": None}, r"more inputs.*'weight' \[1\].*under 'fixed'"),
        (ENHANCER, {"fixed": {"input": 1.0}}, r"'input', which is already used"),
        (
            AGE,
            {"task": "convert", "face": None},
            r"needs an input \[1 or free, any\], found 'input'",
        ),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    onnx_folder: Path, name: str, changes: dict[str, object], words: str
) -> None:
    new = f"unfit_{len(list((onnx_folder / 'cards').iterdir()))}"  # read once per process
    recard(onnx_folder, name, new, **changes)
    with pytest.raises(WeightsError, match=words) as caught:
        _open(new)
    assert str(onnx_folder / f"{name}.onnx") in str(caught.value)
    assert repr(new) in str(caught.value)
    assert "Correct the card" in str(caught.value)


def test_two_images_of_one_size_want_names(onnx_folder: Path) -> None:
    nameless = {"face": {"name": ""}, "identity_face": {"name": ""}}
    recard(onnx_folder, SWAP_BY_IMAGE, "nameless", **nameless)
    with pytest.raises(WeightsError, match=r"Name the right one as face.name"):
        _open("nameless")
    recard(onnx_folder, SWAP_BY_IMAGE, "half_named", identity_face={"name": ""})
    assert [port.name for port in _open("half_named").inputs] == ["target", "source"]


@pytest.mark.parametrize("content", ["half", "text", "nothing"])
def test_a_damaged_file_is_refused(onnx_folder: Path, content: str) -> None:
    whole = (onnx_folder / f"{AGE}.onnx").read_bytes()
    degraded = {"half": whole[: len(whole) // 2], "text": b"<html>404</html>", "nothing": b""}
    (onnx_folder / f"damaged_{content}.onnx").write_bytes(degraded[content])
    card = yaml.safe_load((onnx_folder / "cards" / f"{AGE}.yaml").read_text(encoding="utf-8"))
    del card["sha256"], card["size"]
    card |= {"id": f"damaged_{content}", "file": f"damaged_{content}.onnx"}
    path = onnx_folder / "cards" / f"damaged_{content}.yaml"
    path.write_text(yaml.safe_dump(card), encoding="utf-8")
    with pytest.raises(WeightsError, match=f"damaged_{content}.onnx.*get it again"):
        _open(f"damaged_{content}")


def test_another_file_than_the_cards_is_refused(onnx_folder: Path) -> None:
    card = yaml.safe_load((onnx_folder / "cards" / f"{AGE}.yaml").read_text(encoding="utf-8"))
    card |= {"id": "swapped", "file": f"{SWAP}.onnx"}
    (onnx_folder / "cards" / "swapped.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    with pytest.raises(WeightsError, match=f"{SWAP}.onnx is too long"):
        _open("swapped")


def test_whole_numbers_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"'input' is a tensor\(uint8\)"):
        _open("broken_uint8")


def test_a_batch_that_is_declared_and_not_taken_is_told() -> None:
    network = _open("broken_for_one")
    assert len(network(_noise(1, 3, 64, 64))[0]) == 1
    with pytest.raises(WeightsError, match="set batch: 1"):
        network(_noise(2, 3, 64, 64))
    with pytest.raises(WeightsError, match=r"has shape \[1, 3, 64, 64\] for 2 faces"):
        _open("broken_mean")(_noise(2, 3, 64, 64))


def test_a_batch_fixed_at_more_than_one_is_refused() -> None:
    with pytest.raises(WeightsError, match=r"input 'input' \[2, 3, 64, 64\].*\[1 or free, 3"):
        _open("broken_pairs")


def _write_edit(
    folder: Path, name: str, nodes: list[onnx.NodeProto], shape: list[int | str], **numbers: object
) -> None:
    """Write a network that maps ``a`` to ``b``, and its card."""
    kind = onnx.TensorProto.FLOAT
    ports = [
        onnx.helper.make_tensor_value_info(port, kind, axes)
        for port, axes in (("a", ["n", 3, 64, 64]), ("b", shape))
    ]
    values = [onnx.numpy_helper.from_array(np.asarray(v), key) for key, v in numbers.items()]
    graph = onnx.helper.make_graph(nodes, "g", ports[:1], ports[1:], values)
    versions = [onnx.helper.make_opsetid("", 17)]
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=versions, ir_version=8), folder / f"{name}.onnx"
    )
    face = {"template": "arcface_112_v2", "size": 64}
    body = {"id": name, "title": name, "file": f"{name}.onnx", "license": "MIT"}
    body["network"] = {"task": "edit", "face": face}  # type: ignore[assignment]
    (folder / "cards" / f"{name}.yaml").write_text(yaml.safe_dump(body), "utf-8")


def test_outputs_without_a_pixel_or_of_other_channels_are_told(onnx_folder: Path) -> None:
    free: list[int | str] = ["n", "c", "h", "w"]
    for name, axis, keep in (("no_rows", 2, [False] * 64), ("two", 1, [True, True, False])):
        some = onnx.helper.make_node("Compress", ["a", "keep"], ["b"], axis=axis)
        _write_edit(onnx_folder, name, [some], free, keep=keep)
        found = r"\[2, 3, 0, 64\]" if axis == 2 else r"\[2, 2, 64, 64\]"
        with pytest.raises(WeightsError, match=f"output 'b' .* has shape {found} for 2 faces"):
            _open(name)(_noise(2, 3, 64, 64))


def test_ports_of_no_size_and_of_too_many_numbers_are_refused_unopened(onnx_folder: Path) -> None:
    grow = [
        onnx.helper.make_node("ReduceMean", ["a"], ["m"], keepdims=1),
        onnx.helper.make_node("Expand", ["m", "to"], ["b"]),
    ]
    for name, side in (("vast", 40_000), ("void", 0)):
        shape: list[int | str] = [1, 3, side, side]
        _write_edit(onnx_folder, name, grow, shape, to=np.array(shape, np.int64))
        with pytest.raises(
            WeightsError, match=rf"output 'b' \[1, 3, {side}, {side}\] has .*values"
        ):
            _open(name)


def test_a_full_memory_is_told_from_other_failures() -> None:
    network = _open("broken_hungry")
    assert np.isfinite(network(_noise(2, 3, 64, 64))[0]).all()
    with pytest.raises(OutOfMemoryError):
        network(_noise(4, 3, 64, 64))


def test_cuda_is_never_replaced_by_the_cpu() -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with pytest.raises(DeviceError, match=r"device: cuda was requested.*onnxruntime-gpu"):
        open_network(SWAP, "cuda", 1)


def test_cuda_whose_libraries_are_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then onnxruntime lists CUDA and opens the network on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda path, options, providers: session(path, options, providers=providers[-1:]),
    )
    with pytest.raises(DeviceError, match="uses CPUExecutionProvider"):
        open_network(SWAP, "cuda", 1)


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=re.escape("datagen[onnx]")):
        runtime_version()


def test_cards_without_a_contract_and_of_another_task_are_refused() -> None:
    with pytest.raises(CardError, match="has no 'network'"):
        _open("mediapipe_face_landmarker")
    with pytest.raises(CardError, match=r"network\.task is 'edit', expected 'swap'"):
        weight_closure(AGE, ["swap"])
    with pytest.raises(CardError, match=r"no weight card 'small_swop'.*Did you mean 'small_swap'"):
        weight_closure("small_swop", ["swap"])


def test_every_shipped_network_of_faces_leans_on_cards_that_are_there() -> None:
    cards = [weight_store().card(name) for name in shipped_weight_cards()]
    ids = [card.id for card in cards if card.network and card.network.task in TASKS]
    assert {"inswapper_128", "codeformer"} <= set(ids)
    for name in ids:
        assert weight_closure(name, TASKS)[0] == name


def test_the_closure_names_all_networks_once(onnx_folder: Path) -> None:
    assert weight_closure(SWAP, ["swap"]) == (SWAP, "small_embedder", "small_converter")
    assert weight_closure(SWAP_EMAP, ["swap"]) == (SWAP_EMAP, "small_embedder")
    assert weight_closure(AGE, ["edit", "enhance"]) == (AGE,)
    recard(onnx_folder, SWAP, "mixed_up", converter="small_embedder")
    with pytest.raises(
        CardError, match=r"'small_embedder': network\.task is 'embed', expected 'convert'"
    ):
        weight_closure("mixed_up", ["swap"])


def test_tensors_in_another_file_are_refused(tmp_path: Path) -> None:
    """The digest of a card is that of one file."""
    graph = onnx.helper.make_graph([], "g", [], [])
    tensor = onnx.TensorProto(name="w", data_type=1, dims=[1], data_location=1)
    tensor.external_data.add(key="location", value="w.bin")
    graph.initializer.append(tensor)
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    with pytest.raises(WeightsError, match="which is missing beside it"):
        Session(path, "cpu", 1)
    (tmp_path / "w.bin").write_bytes(bytes(4))
    with pytest.raises(WeightsError, match="which the digest of its card does not cover") as error:
        Session(path, "cpu", 1)
    assert error.value.path == str(path)
