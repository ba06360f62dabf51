"""Layers, uploaded in parts."""

from __future__ import annotations

from ...aws import Aws
from .image import digest_of, upload

BLOB = b"a layer that is no archive"


def a_layer_is_uploaded(aws: Aws) -> None:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="layers")
    upload(ecr, "layers", BLOB)
    answer = ecr.batch_check_layer_availability(
        repositoryName="layers", layerDigests=[digest_of(BLOB), digest_of(b"none")]
    )
    assert [layer["layerAvailability"] for layer in answer["layers"]] == ["AVAILABLE", "UNAVAILABLE"]
    # It is to be had when an image has it.
    aws.refused(
        "LayerInaccessibleException",
        ecr,
        "get_download_url_for_layer",
        repositoryName="layers",
        layerDigest=digest_of(BLOB),
    )
    aws.refused(
        "LayersNotFoundException",
        ecr,
        "get_download_url_for_layer",
        repositoryName="layers",
        layerDigest=digest_of(b"none"),
    )


def uploads_go_wrong(aws: Aws) -> None:
    ecr = aws.client("ecr")
    begun = ecr.initiate_layer_upload(repositoryName="layers")
    assert begun["partSize"] > 0
    part = {"repositoryName": "layers", "uploadId": begun["uploadId"], "layerPartBlob": BLOB}
    aws.refused(
        "InvalidLayerPartException", ecr, "upload_layer_part", **part, partFirstByte=5, partLastByte=4 + len(BLOB)
    )
    ecr.upload_layer_part(**part, partFirstByte=0, partLastByte=len(BLOB) - 1)
    whole = {"repositoryName": "layers", "uploadId": begun["uploadId"]}
    aws.refused("InvalidLayerException", ecr, "complete_layer_upload", **whole, layerDigests=[digest_of(b"other")])
    begun = ecr.initiate_layer_upload(repositoryName="layers")
    ecr.upload_layer_part(
        **{**part, "uploadId": begun["uploadId"]}, partFirstByte=0, partLastByte=len(BLOB) - 1
    )
    aws.refused(
        "LayerAlreadyExistsException",
        ecr,
        "complete_layer_upload",
        repositoryName="layers",
        uploadId=begun["uploadId"],
        layerDigests=[digest_of(BLOB)],
    )
    unknown = "00000000-0000-0000-0000-000000000000"
    aws.refused(
        "UploadNotFoundException",
        ecr,
        "complete_layer_upload",
        repositoryName="layers",
        uploadId=unknown,
        layerDigests=[digest_of(BLOB)],
    )


STORIES = [a_layer_is_uploaded, uploads_go_wrong]
