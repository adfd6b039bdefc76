"""A bucket that does not exist is named, whatever the layout."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from datagen.errors import SourceError
from datagen.faces.indexing.screening import list_source
from datagen.rights import Purpose

from .trees import source

LAYOUTS = ["folder", "table", "london", "celeba", "ffhq", "faceforensics"]


@pytest.fixture(scope="module")
def storage() -> Iterator[None]:
    """Yield with one bucket, ``there``, in object storage on this machine."""
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("there")
        yield
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_bucket_that_is_not_there_is_named(storage: None, layout: str) -> None:
    with pytest.raises(SourceError, match="'faces': there is no bucket 'nowhere'") as caught:
        list_source(source(layout, "s3://nowhere/faces"), Purpose(use="research"))
    assert caught.value.path == "s3://nowhere/faces"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_one_that_is_there_the_folder_is_missing(storage: None, layout: str) -> None:
    with pytest.raises(SourceError) as caught:
        list_source(source(layout, "s3://there/faces"), Purpose(use="research"))
    assert "bucket" not in str(caught.value)
