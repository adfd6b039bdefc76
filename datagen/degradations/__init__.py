"""Degradations. To add a kind, write ``degradations/<name>.py`` and add a line to the table."""

from datagen.core.registry import Registry
from datagen.degradations.base import Degradation, Homography

__all__ = ["DEGRADATIONS", "Degradation", "Homography"]

DEGRADATIONS: Registry[Degradation] = Registry(
    "degradation",
    "datagen.degradations.base:Degradation",
    {
        "any": "datagen.degradations.any:AnyTransform",
        "avif": "datagen.degradations.avif:Avif",
        "beauty": "datagen.degradations.beauty:Beauty",
        "blur": "datagen.degradations.blur:Blur",
        "color": "datagen.degradations.color:Color",
        "crop_pad": "datagen.degradations.crop_pad:CropPad",
        "frame_drops": "datagen.degradations.frame_drops:FrameDrops",
        "frame_rate": "datagen.degradations.frame_rate:FrameRate",
        "jpeg": "datagen.degradations.jpeg:Jpeg",
        "low_light": "datagen.degradations.low_light:LowLight",
        "noise": "datagen.degradations.noise:Noise",
        "occlude": "datagen.degradations.occlude:Occlude",
        "pixelate": "datagen.degradations.pixelate:Pixelate",
        "print_scan": "datagen.degradations.print_scan:PrintScan",
        "rate_limit": "datagen.degradations.rate_limit:RateLimit",
        "resize": "datagen.degradations.resize:Resize",
        "rotate": "datagen.degradations.rotate:Rotate",
        "screen": "datagen.degradations.screen:Screen",
        "sharpen": "datagen.degradations.sharpen:Sharpen",
        "video": "datagen.degradations.video:Video",
        "webp": "datagen.degradations.webp:Webp",
    },
    group="datagen.degradations",
)
