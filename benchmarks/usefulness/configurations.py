"""What may be compared: recipes as configurations, read from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from datagen.core.schema import Frozen, parse
from datagen.core.yaml_io import read_yaml
from datagen.errors import RecipeError
from datagen.methods import METHODS

__all__ = ["CONFIGURATIONS", "OLD", "Configuration", "changes_of", "read_configurations"]

HERE = Path(__file__).resolve().parent
CONFIGURATIONS = HERE / "configurations.yaml"
OLD = HERE / "old-defaults.yaml"

_DONOR = {"strategy": "nearest_landmarks", "match": ["sex"], "pool_size": 20}


class Configuration(Frozen):
    """One set of training data and how it is fed to a detector.

    Attributes:
        methods: Weight of each method, or ``all`` for the ten methods without networks in equal
            shares.
        without: Methods that are left out of ``all``.
        options: Options by method, over the defaults.
        defaults: ``old`` takes the options of ``old-defaults.yaml`` instead of the package's, and
            of options that came later the values that change nothing.
        degradations: As in a recipe.
        encode: As in a recipe; by default JPEG of 75 to 95.
        pairs: Number of planned pairs.
        controls: Share of pairs with a control.
        controls_as_reals: Whether controls are trained on, as reals.
        batches: Whether the images of a pair come in one batch of the network.
        release: An existing release to train on, instead of all the above but the last two.
    """

    methods: dict[str, int] | Literal["all"] = "all"
    without: tuple[str, ...] = ()
    options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    defaults: Literal["now", "old"] = "now"
    degradations: tuple[dict[str, Any], ...] = ()
    encode: dict[str, Any] | None = None
    pairs: int = Field(default=1000, ge=10)
    controls: float = Field(default=0, ge=0, le=1)
    controls_as_reals: bool = False
    batches: Literal["pairs", "mixed"] = "mixed"
    release: str | None = None


def read_configurations(path: Path) -> dict[str, Configuration]:
    """Read the configurations of a file, by name.

    Raises:
        RecipeError: The file is wrong.
    """
    body = read_yaml(path, RecipeError).get("configurations")
    if not isinstance(body, Mapping) or not body:
        raise RecipeError(f"{path}: expected the key 'configurations' with one or more of them")
    return {
        str(name): parse(
            Configuration, given or {}, str(path), RecipeError, f"configurations.{name}"
        )
        for name, given in body.items()
    }


def changes_of(configuration: Configuration, pairs: int | None = None) -> dict[str, Any]:
    """Return the keys of a recipe that a configuration changes.

    Args:
        configuration: The configuration, without ``release``.
        pairs: Number of pairs instead of its own.
    """
    old = read_yaml(OLD, RecipeError)["methods"]
    weights = configuration.methods
    if weights == "all":
        weights = {name: 1 for name in old if name not in configuration.without}
    total = sum(weights.values())
    entries = []
    for name, weight in weights.items():
        if configuration.defaults == "old" and name not in old:
            raise RecipeError(f"{OLD}: has no method {name!r}; it has: {', '.join(old)}")
        entry: dict[str, Any] = {"use": name, "share": f"{weight}/{total}"}
        if configuration.defaults == "old":
            pinned = {key: value for key, value in old[name].items() if key != "version"}
            entry |= {**METHODS.load(name).added_options, **pinned}
        if METHODS.load(name).needs_donor:
            entry["donor"] = _DONOR
        entries.append(entry | configuration.options.get(name, {}))
    changes: dict[str, Any] = {
        "methods": entries,
        "splits": {"train": pairs or configuration.pairs},
        "controls": configuration.controls,
    }
    if configuration.degradations:
        changes["degradations"] = list(configuration.degradations)
    if configuration.encode is not None:
        changes["encode"] = configuration.encode
    return changes
