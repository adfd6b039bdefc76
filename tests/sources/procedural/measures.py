"""The benchmark's measures, loaded from its file: tests hold what the benchmark prints."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def benchmark() -> ModuleType:
    """Return ``benchmarks/procedural.py`` as a module."""
    name = "datagen_benchmark_procedural"
    if name not in sys.modules:
        path = Path(__file__).parents[3] / "benchmarks" / "procedural.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
