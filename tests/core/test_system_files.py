from __future__ import annotations

import pytest

from datagen.core.system_files import is_hidden, is_made_by_system


@pytest.mark.parametrize(
    "name",
    [
        *(".Trash-1000", ".ipynb_checkpoints", "@eaDir", "__MACOSX", "$RECYCLE.BIN", "lost+found"),
        *("System Volume Information", "#recycle", ".DS_Store", "._anna.jpg", "Thumbs.db"),
    ],
)
def test_what_systems_make(name: str) -> None:
    assert is_made_by_system(name)
    assert is_hidden(name)


def test_what_users_make() -> None:
    assert is_hidden(".secret")
    assert not is_made_by_system(".secret")
    for name in ("anna", "@anna", "#1", "_", "$", "trash", "Ötzi"):
        assert not is_hidden(name)
