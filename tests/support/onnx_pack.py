"""A small model pack with the signatures of insightface's: real files, made-up networks.

* detector (SCRFD: strides 8, 16, 32, two anchors, nine outputs): finds white squares;
* landmarks (``1k3d68``): the library's own mean head, turned by angles that the caller chooses;
* recognizer (ArcFace): the lowest waves of the aligned image, turned by a fixed matrix.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

__all__ = ["MARK", "WAVES", "WIDTH", "build_pack", "cosines", "mean_head", "turn", "turned"]

MARK = 96
"""Side of the white square, in pixels of the detector's 640x640 input, that is a sure face."""

WAVES, WIDTH = 13, 512
"""Waves across a face, and numbers of an embedding: 3 x 13 x 13 fit into it."""

_HALF = 5.0  # half a box in units of stride 32: so large that neighbors count as one face
_KEYPOINTS = [-1.5, -1.5, 1.5, -1.5, 0.0, 0.0, -1.2, 1.5, 1.2, 1.5]


def mean_head() -> NDArray[np.float64]:
    """Return the head to which the library fits: x right, y down, z toward the camera."""
    from insightface.data import get_object

    return np.asarray(get_object("meanshape_68.pkl"), np.float64)


def turned(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """Return the mean head turned: roll first, then pitch, then yaw, in degrees.

    Yaw > 0 brings the nose to larger x, pitch > 0 up, roll > 0 turns clockwise.
    """
    y, p, r = np.radians([yaw, pitch, roll])
    head = mean_head()
    x_, y_, z_ = head.T  # z toward the camera
    x_, y_ = x_ * np.cos(r) - y_ * np.sin(r), x_ * np.sin(r) + y_ * np.cos(r)
    y_, z_ = y_ * np.cos(p) - z_ * np.sin(p), z_ * np.cos(p) + y_ * np.sin(p)
    x_, z_ = x_ * np.cos(y) + z_ * np.sin(y), z_ * np.cos(y) - x_ * np.sin(y)
    return np.stack([x_, y_, z_], axis=1)


def cosines(places: NDArray[np.float64], waves: int) -> NDArray[np.float64]:
    """Return the cosine transform's waves at places in [0, 1], ``(places, waves)``."""
    return np.asarray(np.cos(np.pi * np.arange(waves) * places[:, None]))


def turn(seed: int = 1) -> NDArray[np.float64]:
    """Return the orthogonal matrix by which the recognizer of ``seed`` turns its embeddings."""
    draw = np.random.default_rng(seed).standard_normal((WIDTH, WIDTH))
    return np.asarray(np.linalg.qr(draw)[0])


def build_pack(
    folder: Path, pose: tuple[float, float, float] = (0.0, 0.0, 0.0), seed: int = 1
) -> Path:
    """Write the three networks and return the folder.

    Args:
        folder: Is made.
        pose: Yaw, pitch, roll that the landmarks shall show.
        seed: Of the matrix that turns the recognizer's embeddings.
    """
    folder.mkdir(parents=True)
    _save(_detector(), folder / "det_made_up.onnx")
    _save(_landmarks(pose), folder / "1k3d68.onnx")
    _save(_recognizer(seed), folder / "w_made_up.onnx")
    return folder


def _save(graph: Any, path: Path) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _constant(name: str, value: Any, dtype: Any = np.float32) -> Any:
    return numpy_helper.from_array(np.asarray(value, dtype), name)


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    # Named by what it makes: the library takes names such as "Sub" for a trained normalization.
    return helper.make_node(kind, inputs, [output], name=f"make_{output}", **attributes)


def _detector() -> Any:
    nodes = [_node("Conv", ["input.1", "third"], "gray")]
    constants = [
        _constant("third", np.full((1, 3, 1, 1), 1 / 3)),
        _constant("column", [-1, 1], np.int64),
        _constant("none", [[0.0]]),
        _constant("box", [[_HALF] * 4]),
        _constant("points", [_KEYPOINTS]),
        _constant("no_box", np.zeros((1, 4))),
        _constant("no_points", np.zeros((1, 10))),
    ]
    outputs = []
    for stride in (8, 16, 32):
        window = MARK if stride == 32 else stride
        before = window // 2 if stride == 32 else 0  # anchors are at the corners of their cells
        pads = [before, before, max(before - 1, 0), max(before - 1, 0)]
        constants.append(_constant(f"weight{stride}", [[1.0 if stride == 32 else 0.0, 0.0]]))
        nodes += [
            _node(
                "AveragePool",
                ["gray"],
                f"mean{stride}",
                kernel_shape=[window, window],
                strides=[stride, stride],
                pads=pads,
                count_include_pad=1,
            ),
            _node("Reshape", [f"mean{stride}", "column"], f"cells{stride}"),
            _node("MatMul", [f"cells{stride}", f"weight{stride}"], f"anchors{stride}"),
            _node("Reshape", [f"anchors{stride}", "column"], f"score{stride}"),
            _node("MatMul", [f"score{stride}", "no_box"], f"b{stride}"),
            _node("Add", [f"b{stride}", "box"], f"bbox{stride}"),
            _node("MatMul", [f"score{stride}", "no_points"], f"k{stride}"),
            _node("Add", [f"k{stride}", "points"], f"kps{stride}"),
        ]
    for kind, width in (("score", 1), ("bbox", 4), ("kps", 10)):
        outputs += [_value(f"{kind}{stride}", [f"n{stride}", width]) for stride in (8, 16, 32)]
    image = _value("input.1", [1, 3, "height", "width"])
    return helper.make_graph(nodes, "detector", [image], outputs, constants)


def _landmarks(pose: tuple[float, float, float]) -> Any:
    # The library keeps the last 68 of 1103 points; x and y from -1 to 1 across its crop.
    points = np.zeros((1103, 3))
    points[-68:] = turned(*pose) * 0.6
    nodes = [
        _node("GlobalAveragePool", ["data"], "mean"),
        _node("Flatten", ["mean"], "three"),
        _node("MatMul", ["three", "nothing"], "zeros"),
        _node("Add", ["zeros", "head"], "fc1"),
    ]
    constants = [
        _constant("nothing", np.zeros((3, 3309))),
        _constant("head", points.reshape(1, 3309)),
    ]
    inputs, outputs = [_value("data", ["None", 3, 192, 192])], [_value("fc1", ["None", 3309])]
    return helper.make_graph(nodes, "landmarks", inputs, outputs, constants)


def _recognizer(seed: int) -> Any:
    # The lowest waves, turned; the last number tells the scale of what is brought to length 1.
    side, count = 112, 3 * WAVES**2
    weights = np.full((WAVES, 1), 2 / side)
    weights[0] /= 2
    analysis = weights * cosines((np.arange(side) + 0.5) / side, WAVES).T
    scale = np.zeros(WIDTH)
    scale[-1] = 1
    nodes = [
        _node("MatMul", ["rows", "input.1"], "along"),
        _node("MatMul", ["along", "columns"], "waves"),
        _node("Flatten", ["waves"], "flat"),
        _node("Gemm", ["flat", "keep", "scale"], "plain"),
        _node("MatMul", ["plain", "turn"], "embedding"),
    ]
    constants = [
        _constant("rows", analysis),
        _constant("columns", analysis.T),
        _constant("keep", np.eye(count, WIDTH)),
        _constant("scale", scale),
        _constant("turn", turn(seed)),
    ]
    inputs = [_value("input.1", ["None", 3, 112, 112])]
    outputs = [_value("embedding", ["None", WIDTH])]
    return helper.make_graph(nodes, "recognizer", inputs, outputs, constants)


def _value(name: str, shape: list[Any]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
