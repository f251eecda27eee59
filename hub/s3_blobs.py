"""Blobs in an S3-compatible object store, for installations that have outgrown a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from hub.blobs import DIGEST, checked
from hub.errors import NotFoundError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30
ATTEMPTS = 3
ABSENT = {"404", "NoSuchKey", "NotFound"}


class S3BlobStore:
    """Blobs as objects `prefix/ab/cdef…` by digest.

    The store itself makes a `put` all or nothing, and durable when it has answered. Key and secret are those of
    boto3's usual places: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a profile, or the machine's own role.

    Parameters
    ----------
    bucket
        Name of a bucket that is there.
    prefix
        Put before every key, without a final slash; may be empty.
    endpoint_url
        Address of the store; empty for Amazon's own.
    """

    def __init__(self, bucket: str, prefix: str = "", endpoint_url: str = "") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"max_attempts": ATTEMPTS, "mode": "standard"},
            s3={"addressing_style": "path"} if endpoint_url else {},
            # the digest is checked by us; many compatible stores do not know Amazon's newer checksums
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        self._client: S3Client = boto3.Session().client("s3", endpoint_url=endpoint_url or None, config=config)

    def put(self, content: bytes) -> str:
        """Keep a content and return its digest."""
        digest = hashlib.sha256(content).hexdigest()
        if not self.has(digest):
            try:
                self._client.put_object(Bucket=self._bucket, Key=self._key(digest), Body=content)
            except (ClientError, BotoCoreError) as error:
                raise self._unavailable(error) from error
        return digest

    def get(self, digest: str) -> bytes:
        """Return a content."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(digest))
            return checked(digest, answer["Body"].read())
        except (ClientError, BotoCoreError) as error:
            if _is_absent(error):
                raise NotFoundError(f"There is no content {digest[:12]}… in the blob store.") from error
            raise self._unavailable(error) from error

    def has(self, digest: str) -> bool:
        """Return whether a content is there."""
        try:
            self._client.head_object(Bucket=self._bucket, Key=self._key(digest))
        except (ClientError, BotoCoreError) as error:
            if _is_absent(error):
                return False
            raise self._unavailable(error) from error
        return True

    def delete(self, digest: str) -> None:
        """Forget a content."""
        try:
            self._client.delete_object(Bucket=self._bucket, Key=self._key(digest))
        except (ClientError, BotoCoreError) as error:
            if not _is_absent(error):
                raise self._unavailable(error) from error

    def digests(self) -> Iterator[str]:
        """Return the digests of all contents."""
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            ):
                for item in page.get("Contents", ()):
                    digest = item["Key"].removeprefix(self._prefix).replace("/", "")
                    if DIGEST.fullmatch(digest):
                        yield digest
        except (ClientError, BotoCoreError) as error:
            raise self._unavailable(error) from error

    def _key(self, digest: str) -> str:
        if not DIGEST.fullmatch(digest):
            raise NotFoundError(f"{digest[:80]!r} is not a SHA-256 digest.")
        return f"{self._prefix}{digest[:2]}/{digest[2:]}"

    def _unavailable(self, error: ClientError | BotoCoreError) -> UnavailableError:
        return UnavailableError(f"The blob store (bucket {self._bucket}) does not answer as it should: {error}")


def _is_absent(error: ClientError | BotoCoreError) -> bool:
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in ABSENT
