"""The object store: files under opaque random keys, in a directory or behind the S3 API.

A key says nothing about its content and cannot be guessed.
"""

from pathlib import Path

from shared.objects.directory import DirectoryStore
from shared.objects.interface import (
    CHUNK_BYTES,
    ObjectNotFound,
    ObjectStore,
    ObjectStoreError,
    ObjectStoreUnavailable,
    ObjectTooLarge,
    new_key,
    new_keys,
)
from shared.settings import Settings

__all__ = [
    "CHUNK_BYTES",
    "DirectoryStore",
    "ObjectNotFound",
    "ObjectStore",
    "ObjectStoreError",
    "ObjectStoreUnavailable",
    "ObjectTooLarge",
    "new_key",
    "new_keys",
    "open_store",
]


def open_store(settings: Settings) -> ObjectStore:
    """The store that `DESK_OBJECT_STORE` names. Nothing is asked of it yet: it may come later than its callers."""
    if (bucket := settings.bucket) is None:
        return DirectoryStore(Path(settings.object_store))
    # A library of 15 MB, which a desk with a directory never loads.
    from shared.objects.s3 import S3Store  # noqa: PLC0415

    return S3Store(*bucket, settings.s3)
