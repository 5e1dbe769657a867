"""A server with the S3 API in this process: moto's, over real sockets."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import boto3
from moto.server import ThreadedMotoServer

from desk.ports import free_port
from shared.settings import S3Settings

ACCESS_KEY = "desk"
SECRET_KEY = "a-secret-of-the-tests"


class S3Server:
    """It can be taken away and come back on the same port, with everything it held."""

    def __init__(self) -> None:
        self.port = free_port()
        self._server: ThreadedMotoServer | None = None
        self.up()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self, **others: object) -> S3Settings:
        """What a client of it is told."""
        values = {"endpoint": self.endpoint, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "timeout_seconds": 60}
        return S3Settings(**{**values, **others})

    def up(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()
        self.client().list_buckets()  # the first request takes seconds of imports

    def down(self) -> None:
        if self._server is not None:
            self._server.stop()
        self._server = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """While this lasts nobody listens."""
        self.down()
        try:
            yield
        finally:
            self.up()

    def make_bucket(self, name: str) -> str:
        """Make it, if it is not there."""
        client = self.client()
        with suppress(client.exceptions.BucketAlreadyOwnedByYou):
            client.create_bucket(Bucket=name)
        return name

    def keys(self, bucket: str) -> list[str]:
        """Names of all objects of a bucket."""
        return [each["Key"] for each in self.client().list_objects_v2(Bucket=bucket).get("Contents", ())]

    def unfinished(self, bucket: str) -> list[str]:
        """Names of uploads that were begun and neither finished nor taken back."""
        return [each["Key"] for each in self.client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())]

    def client(self) -> "boto3.client":
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name="us-east-1",
        )
