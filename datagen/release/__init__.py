"""The release on disk or in a bucket: shards, commits, manifests; nothing about faces."""

from datagen.release.commit import Commit, is_whole, read_commit
from datagen.release.folder import Folder
from datagen.release.shard_writer import MediaFile, ShardWriter, StoredFile

__all__ = ["Commit", "Folder", "MediaFile", "ShardWriter", "StoredFile", "is_whole", "read_commit"]
