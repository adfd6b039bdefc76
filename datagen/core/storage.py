"""Storage behind an address: opened in one way, with errors that say what to change."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import fsspec

from datagen.core.addresses import is_chain
from datagen.errors import MissingExtraError, UserError
from datagen.errors.redact import HIDDEN

__all__ = ["Storage", "open_storage"]

_BUCKETS = ("s3", "s3a", "gs", "gcs", "abfs", "az", "oss", "oci")
_WRITES = ("pipe_file", "put_file")

# Parts of the names of errors that a rerun does not fix, in the libraries behind fsspec.
_FINAL = ("auth", "config", "credential", "paramvalidation", "profile", "region")


class Storage:
    """A filesystem of fsspec whose errors name the address.

    A remote library's own exceptions become a ``UserError`` where the user must change something
    (credentials, a bucket), and a ``ConnectionError`` where a rerun may succeed. Its attributes
    are those of the filesystem.

    Args:
        filesystem: Any filesystem of fsspec.
        address: What the user named, for messages.
    """

    def __init__(self, filesystem: Any, address: str) -> None:
        self._filesystem = filesystem
        self._address = address

    @property
    def is_local(self) -> bool:
        """Whether its paths are paths of this machine."""
        protocols = self._filesystem.protocol
        return "file" in ((protocols,) if isinstance(protocols, str) else protocols)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the filesystem; a remote method with its errors translated."""
        value = getattr(self._filesystem, name)
        if name.startswith("_") or not callable(value) or self.is_local:
            return value
        return self._translating(name, value)

    def _translating(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return method(*args, **kwargs)
            except PermissionError as error:
                raise self._refused(f"access denied ({error})") from None
            except FileNotFoundError as error:
                if name not in _WRITES:
                    raise
                raise self._refused(f"it cannot be written: {error}") from None
            except OSError:
                raise
            except Exception as error:
                if type(error).__module__.partition(".")[0] in ("builtins", "datagen", "fsspec"):
                    raise
                raise self._translated(error) from None

        return call

    def _translated(self, error: Exception) -> Exception:
        kind = type(error).__name__
        text = _without_user(str(error), self._address)
        if any(part in kind.lower() for part in _FINAL):
            return self._refused(text)
        return ConnectionError(f"storage {self._address}: {text} ({kind})")

    def _refused(self, problem: str) -> UserError:
        return UserError(
            f"storage {self._address}: {problem}. {_ADVICE.get(self._scheme, _OTHERWISE)} "
            "(docs/running.md)",
            path=self._address,
        )

    def missing_bucket(self, path: str) -> str:
        """Return the bucket of a path in it if there is none of that name, or else nothing."""
        bucket = path.partition("/")[0]
        if self._scheme not in _BUCKETS or not bucket:
            return ""
        try:
            return "" if self.exists(bucket) else bucket
        except (OSError, UserError):
            return ""  # whatever is wrong has been said

    @property
    def _scheme(self) -> str:
        return self._address.partition("://")[0]


_ADVICE = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and see that the "
    "bucket exists and may be used"
}
_OTHERWISE = "Set the credentials that this storage needs, and see that the place exists"


def open_storage(address: str, listings: bool = True) -> tuple[Storage, str]:
    """Open what an address, or a path of this machine, names.

    Args:
        address: E.g. ``s3://bucket/folder`` or ``out``.
        listings: Whether a listing may be remembered: not where others write at the same time.

    Returns:
        The storage, and the path in it without a slash at the end.

    Raises:
        UserError: The package for this kind of storage is not installed.
        ValueError: There is no such kind, or the address is malformed.
    """
    scheme = address.partition("://")[0]
    try:
        if "::" in address and not is_chain(address):  # which fsspec would take for one
            filesystem, path = (
                fsspec.filesystem("file"),
                os.path.abspath(os.path.expanduser(address)),
            )
        else:
            filesystem, path = fsspec.core.url_to_fs(address)
    except ImportError as error:
        if scheme == "s3":
            raise MissingExtraError("s3fs", "s3", f"address {address!r}") from None
        raise UserError(f"address {address!r}: {error}", path=address) from None
    if not listings:
        filesystem.use_listings_cache = False
    return Storage(filesystem, address), str(path).rstrip("/")


def _without_user(text: str, address: str) -> str:
    """Return a library's message without the user's part of an address, which may be a secret."""
    user = address.partition("://")[2].rpartition("@")[0]
    return text.replace(f"{user}@", f"{HIDDEN}@") if user else text
