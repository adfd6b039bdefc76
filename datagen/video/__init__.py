"""Video files: what they are, their frames, and clips encoded to equal bytes everywhere."""

from datagen.video.decode import VideoFrame, decode_video
from datagen.video.encode import (
    ClipEncoding,
    decode_clip,
    decode_masks,
    encode_clip,
    encode_masks,
    picture_types,
)
from datagen.video.probe import VideoInfo, probe_video

__all__ = [
    "ClipEncoding",
    "VideoFrame",
    "VideoInfo",
    "decode_clip",
    "decode_masks",
    "decode_video",
    "encode_clip",
    "encode_masks",
    "picture_types",
    "probe_video",
]
