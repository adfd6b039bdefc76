"""Files and folders that systems and programs put beside those of a user."""

from __future__ import annotations

__all__ = ["is_hidden", "is_made_by_system"]

# In lower case: file managers, servers, archive programs, notebooks.
_MADE = frozenset(
    {
        *("$recycle.bin", "recycler", "recycled", "system volume information", "found.000"),
        *("lost+found", "__macosx", "network trash folder", "temporary items"),
        *("@eadir", "@tmp", "@recycle", "@recently-snapshot", "@__thumb", "@sharebin", "@database"),
        *("#recycle", "#snapshot", "~snapshot", "__pycache__", ".ipynb_checkpoints"),
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", ".directory", ".nomedia"),
        *(".ds_store", ".localized", ".trashes", ".spotlight-v100", ".fseventsd", ".snapshot"),
        *(
            ".appledouble",
            ".appledb",
            ".appledesktop",
            ".temporaryitems",
            ".documentrevisions-v100",
        ),
    }
)
_BEGINNINGS = ("._", ".trash-", ".fuse_hidden", ".nfs")


def is_made_by_system(name: str) -> bool:
    """Return whether a file or folder has a name that only systems and programs give."""
    plain = name.lower()
    return plain in _MADE or plain.startswith(_BEGINNINGS)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden, or one that systems and programs make."""
    return name.startswith(".") or is_made_by_system(name)
