"""Images: put, found, described, deleted."""

from __future__ import annotations

import json

from ...aws import Aws
from .image import MANIFEST, digest_of, push

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


def images_are_put_and_found(aws: Aws) -> None:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="images")
    first = push(ecr, "images", "1", "one")
    second = push(ecr, "images", "2", "two")
    # Under one more tag, with all that can be said of it.
    again = ecr.put_image(
        repositoryName="images",
        imageManifest=second.manifest,
        imageManifestMediaType=MANIFEST,
        imageTag="latest",
        imageDigest=second.digest,
    )["image"]
    aws.shown("ecr:PutImage.imageTag", again["imageId"] == {"imageDigest": second.digest, "imageTag": "latest"})
    aws.shown("ecr:PutImage.imageManifestMediaType", again["imageManifestMediaType"] == MANIFEST)
    mismatch = {"repositoryName": "images", "imageManifest": second.manifest, "imageDigest": first.digest}
    aws.refused("ImageDigestDoesNotMatchException", ecr, "put_image", **mismatch)
    aws.shown("ecr:PutImage.imageDigest", True)
    aws.refused(
        "ImageAlreadyExistsException",
        ecr,
        "put_image",
        repositoryName="images",
        imageManifest=second.manifest,
        imageTag="latest",
    )
    without_layer = first.manifest.replace(digest_of(first.layer), digest_of(b"none"))
    aws.refused(
        "LayersNotFoundException", ecr, "put_image", repositoryName="images", imageManifest=without_layer, imageTag="x"
    )

    url = ecr.get_download_url_for_layer(repositoryName="images", layerDigest=digest_of(first.layer))
    assert url["layerDigest"] == digest_of(first.layer) and "X-Amz-Signature=" in url["downloadUrl"]
    got = ecr.batch_get_image(repositoryName="images", imageIds=[{"imageTag": "1"}, {"imageTag": "none"}])
    assert [image["imageManifest"] for image in got["images"]] == [first.manifest]
    assert [failure["failureCode"] for failure in got["failures"]] == ["ImageNotFound"]
    converted = ecr.batch_get_image(
        repositoryName="images", imageIds=[{"imageTag": "1"}], acceptedMediaTypes=[DOCKER]
    )["images"]
    aws.shown(
        "ecr:BatchGetImage.acceptedMediaTypes", [image["imageManifestMediaType"] for image in converted] == [DOCKER]
    )


def images_are_listed(aws: Aws) -> None:
    ecr = aws.client("ecr")
    ids = aws.pages(ecr, "list_images", "imageIds", repositoryName="images")
    assert sorted(image["imageTag"] for image in ids) == ["1", "2", "latest"]
    push(ecr, "images", "moved", "three")
    push(ecr, "images", "moved", "four")
    untagged = ecr.list_images(repositoryName="images", filter={"tagStatus": "UNTAGGED"})["imageIds"]
    aws.shown("ecr:ListImages.filter", len(untagged) == 1 and "imageTag" not in untagged[0])

    described = aws.pages(ecr, "describe_images", "imageDetails", repositoryName="images")
    assert len(described) == 4
    tagged = ecr.describe_images(repositoryName="images", filter={"tagStatus": "TAGGED"})["imageDetails"]
    aws.shown("ecr:DescribeImages.filter", len(tagged) == 3)
    (one,) = ecr.describe_images(repositoryName="images", imageIds=[{"imageTag": "1"}])["imageDetails"]
    aws.shown("ecr:DescribeImages.imageIds", one["imageTags"] == ["1"])
    assert (one["imageManifestMediaType"], one["repositoryName"]) == (MANIFEST, "images")
    aws.refused(
        "ImageNotFoundException", ecr, "describe_images", repositoryName="images", imageIds=[{"imageTag": "none"}]
    )


def images_are_deleted(aws: Aws) -> None:
    ecr = aws.client("ecr")
    answer = ecr.batch_delete_image(repositoryName="images", imageIds=[{"imageTag": "latest"}, {"imageTag": "none"}])
    assert [image["imageTag"] for image in answer["imageIds"]] == ["latest"]
    assert [failure["failureCode"] for failure in answer["failures"]] == ["ImageNotFound"]


def an_immutable_tag_stays(aws: Aws) -> None:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="fixed", imageTagMutability="IMMUTABLE")
    push(ecr, "fixed", "1", "one")
    two = push(ecr, "fixed", "2", "two")
    aws.refused(
        "ImageTagAlreadyExistsException",
        ecr,
        "put_image",
        repositoryName="fixed",
        imageManifest=two.manifest,
        imageTag="1",
    )


def images_refer_to_others(aws: Aws) -> None:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="referred")
    subject = push(ecr, "referred", "1", "one")
    descriptor = {"mediaType": MANIFEST, "digest": subject.digest, "size": len(subject.manifest)}
    for kind in ("signature", "sbom"):
        artifact = f"application/vnd.example.{kind}"
        push(ecr, "referred", kind, kind, subject=descriptor, artifactType=artifact)
    sent = {"repositoryName": "referred", "subjectId": {"imageDigest": subject.digest}}
    referrers = ecr.list_image_referrers(**sent)["referrers"]
    assert {referrer["artifactType"].split(".")[-1] for referrer in referrers} == {"signature", "sbom"}
    filtered = ecr.list_image_referrers(**sent, filter={"artifactTypes": ["application/vnd.example.sbom"]})
    aws.shown(
        "ecr:ListImageReferrers.filter",
        [referrer["artifactType"] for referrer in filtered["referrers"]] == ["application/vnd.example.sbom"],
    )
    first = ecr.list_image_referrers(**sent, maxResults=1)
    rest = ecr.list_image_referrers(**sent, maxResults=1, nextToken=first["nextToken"])
    aws.shown("ecr:ListImageReferrers.maxResults", [len(first["referrers"]), len(rest["referrers"])] == [1, 1])
    aws.shown("ecr:ListImageReferrers.nextToken", first["referrers"] + rest["referrers"] == referrers)


def a_manifest_that_is_none_is_refused(aws: Aws) -> None:
    ecr = aws.client("ecr")
    for manifest in ("no manifest", json.dumps({"schemaVersion": 2})):
        aws.refused(
            "InvalidParameterException", ecr, "put_image", repositoryName="images", imageManifest=manifest, imageTag="x"
        )


STORIES = [
    images_are_put_and_found,
    images_are_listed,
    images_are_deleted,
    an_immutable_tag_stays,
    images_refer_to_others,
    a_manifest_that_is_none_is_refused,
]
