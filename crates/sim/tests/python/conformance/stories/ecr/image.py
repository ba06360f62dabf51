"""Images, pushed by the API alone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from botocore.client import BaseClient

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class Image:
    manifest: str
    layer: bytes

    @property
    def digest(self) -> str:
        return digest_of(self.manifest.encode())


def push(ecr: BaseClient, repository: str, tag: str, content: str, **more: Any) -> Image:
    """Pushes an image of one small layer; `more` stands in its manifest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "content": content}).encode()
    layer = f"layer of {content}".encode()
    for blob in (config, layer):
        upload(ecr, repository, blob)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(_CONFIG, config),
        "layers": [_descriptor(_LAYER, layer)],
        **more,
    }
    image = Image(json.dumps(manifest), layer)
    ecr.put_image(repositoryName=repository, imageManifest=image.manifest, imageTag=tag)
    return image


def upload(ecr: BaseClient, repository: str, blob: bytes) -> None:
    upload_id = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    part = ecr.upload_layer_part(
        repositoryName=repository,
        uploadId=upload_id,
        partFirstByte=0,
        partLastByte=len(blob) - 1,
        layerPartBlob=blob,
    )
    assert part["lastByteReceived"] == len(blob) - 1
    whole = ecr.complete_layer_upload(repositoryName=repository, uploadId=upload_id, layerDigests=[digest_of(blob)])
    assert whole["layerDigest"] == digest_of(blob)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}
