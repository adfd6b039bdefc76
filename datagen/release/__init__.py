"""The release on disk or in a bucket: shards, commits, manifests; nothing about faces."""

from datagen.release.folder import Folder
from datagen.release.shard_writer import Commit, Picture, ShardWriter, is_whole, read_commit

__all__ = ["Commit", "Folder", "Picture", "ShardWriter", "is_whole", "read_commit"]
