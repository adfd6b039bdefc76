"""Extra columns are searched where the layout does not search them itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from datagen.errors import SourceError
from datagen.faces.indexing.screening import list_source
from datagen.rights import Purpose
from datagen.sources import Record
from datagen.sources.table import Table
from tests.sources.trees import source, write


@pytest.mark.parametrize("cell", ['["child", 15]', "<a>15</a>", '{"who": "minor"}', "age: 15"])
def test_the_extra_columns_of_other_layouts_are_searched(tmp_path: Path, cell: str) -> None:
    write(tmp_path, {"faces.csv": "image,identity\na.jpg,a\n"})

    class Other(Table):
        """A layout that searches nothing itself."""

        looks_for_ages: ClassVar[bool] = False

        def records(self) -> Iterator[Record]:
            """See base class."""
            return (replace(record, extra={"meta": cell}) for record in super().records())

    of = source("table", tmp_path)
    with pytest.raises(SourceError, match=r"looks like an age|structured"):
        list_source(Other(of.card, of.root, of.config), Purpose(use="research"))
