"""Source layouts. To add one, write ``sources/<layout>.py`` and add a line to the table."""

from datagen.core.registry import Registry
from datagen.sources.base import Record, Source
from datagen.sources.card import Consent, SourceCard, load_card

__all__ = ["SOURCES", "Consent", "Record", "Source", "SourceCard", "load_card"]

SOURCES: Registry[Source] = Registry(
    "layout",
    "datagen.sources.base:Source",
    {
        "celeba": "datagen.sources.celeba:CelebA",
        "faceforensics": "datagen.sources.faceforensics:FaceForensics",
        "ffhq": "datagen.sources.ffhq:Ffhq",
        "folder": "datagen.sources.folder:Folder",
        "london": "datagen.sources.london:London",
        "procedural": "datagen.sources.procedural.source:Procedural",
        "table": "datagen.sources.table:Table",
    },
    group="datagen.sources",
)
