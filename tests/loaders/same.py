"""Comparison of items, and a digest of one that a worker may send back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np


def digest(item: Mapping[str, Any]) -> tuple[str, str]:
    """Return the id of an item, and a digest of all that it holds."""
    whole = hashlib.sha256()
    for name, value in sorted(item.items()):
        whole.update(name.encode())
        whole.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    return item["sample_id"], whole.hexdigest()
