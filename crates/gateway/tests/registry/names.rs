//! By which names an image is found, and by which host.

use oci::Digest;

use crate::{
    aws::{OTHER_REGISTRY, PUBLIC, REGISTRY},
    wharf::{DOMAIN, OTHER_DOMAIN, OTHER_TOKEN, PROXY, Wharf, refused},
};

#[tokio::test]
async fn each_form_of_containerd_finds_the_image() {
    let wharf = Wharf::build().await;
    let (manifest, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", b"layer");
    let nested = format!("{REGISTRY}/public.ecr.aws/docker/library/busybox");
    let (nested, _) = wharf.aws.push(&nested, "1", b"nested");
    for (front, expected) in [
        ("/v2/team/app".to_owned(), &manifest),
        // override_path
        (format!("/v2/{REGISTRY}/team/app"), &manifest),
        // a path in the mirror's URL, to which containerd appends /v2
        (format!("/{REGISTRY}/v2/team/app"), &manifest),
        ("/v2/public.ecr.aws/docker/library/busybox".to_owned(), &nested),
    ] {
        for reference in ["1".to_owned(), expected.to_string()] {
            let path = format!("{front}/manifests/{reference}?ns={REGISTRY}");
            for method in ["HEAD", "GET"] {
                let answer = wharf.at(method, &path).send().await.unwrap();
                assert_eq!(answer.status(), 200, "{method} {path}");
                assert_eq!(answer.headers()["docker-content-digest"], expected.to_string());
            }
        }
    }
    let path = format!("/{REGISTRY}/v2/team/app/blobs/{layer}?ns={REGISTRY}");
    let blob = wharf.at("GET", &path).send().await.unwrap();
    assert_eq!(blob.bytes().await.unwrap(), "layer");
    let base = wharf.at("GET", &format!("/{REGISTRY}/v2/")).send().await.unwrap();
    assert_eq!(base.status(), 200);
}

#[tokio::test]
async fn under_a_domain_the_whole_name_is_the_repositorys() {
    let wharf = Wharf::build().await;
    for (repository, layer) in [
        ("app", &b"one"[..]),
        ("team/app", b"two"),
        ("prod/team/app", b"three"),
        ("public.ecr.aws/foo", b"four"),
    ] {
        let (manifest, layer) = wharf.aws.push(&format!("{REGISTRY}/{repository}"), "1", layer);
        let path = format!("{repository}/manifests/1");
        let by_two = wharf.secure("GET", DOMAIN, &path).send().await.unwrap();
        assert_eq!(by_two.version(), reqwest::Version::HTTP_2);
        let by_one = wharf.request("GET", &path).header("host", "Images.Example.com:5000");
        for answer in [by_two, by_one.send().await.unwrap()] {
            assert_eq!(answer.status(), 200, "{repository}");
            assert_eq!(answer.headers()["docker-content-digest"], manifest.to_string());
        }
        let path = format!("{repository}/blobs/{layer}");
        assert_eq!(wharf.secure("GET", DOMAIN, &path).send().await.unwrap().status(), 200);
    }
    let elsewhere = wharf.secure("GET", PROXY, "team/app/manifests/1");
    let (status, code, _) = refused(elsewhere.send().await.unwrap()).await;
    assert_eq!((status, code.as_str()), (404, "NAME_UNKNOWN"));
    let forwarded = wharf.request("GET", "team/app/manifests/1");
    let forwarded = forwarded.header("x-forwarded-host", DOMAIN).send().await.unwrap();
    assert_eq!(forwarded.status(), 404, "what stands beside the host does not count");
}

#[tokio::test]
async fn a_domain_of_another_team_opens_nothing_of_it() {
    let wharf = Wharf::build().await;
    let (manifest, layer) = wharf.aws.push(&format!("{OTHER_REGISTRY}/team/app"), "1", b"layer");
    let theirs = wharf
        .anonymous("GET", "team/app/manifests/1")
        .header("host", OTHER_DOMAIN)
        .basic_auth("robot", Some(OTHER_TOKEN));
    assert_eq!(theirs.send().await.unwrap().status(), 200);
    for end in [
        "manifests/1".to_owned(),
        format!("manifests/{manifest}"),
        format!("blobs/{layer}"),
        "tags/list".to_owned(),
        format!("referrers/{manifest}"),
    ] {
        let path = format!("team/app/{end}");
        let ours = wharf.secure("GET", OTHER_DOMAIN, &path).send().await.unwrap();
        let (status, code, message) = refused(ours).await;
        assert_eq!((status, code.as_str()), (404, "NAME_UNKNOWN"), "{path}");
        assert!(message.contains("team `acme` has no upstream"), "{message}");
        let named = wharf.refusal(&format!("{path}?ns={OTHER_DOMAIN}")).await;
        assert_eq!((named.0, named.1.as_str()), (404, "NAME_UNKNOWN"), "{path}");
    }
    let nobody = wharf
        .anonymous("GET", "team/app/manifests/1")
        .header("host", OTHER_DOMAIN);
    assert_eq!(nobody.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn public_images_are_found_by_each_name_and_by_head_where_the_public_registry_refuses_it() {
    let wharf = Wharf::build().await;
    let place = format!("{PUBLIC}/docker/library/busybox");
    let (manifest, layer) = wharf.aws.push(&place, "1", b"public layer");
    for front in [PUBLIC, "public"] {
        let answer = wharf.get(&format!("{front}/docker/library/busybox/manifests/1")).await;
        assert_eq!(Digest::of(&answer.bytes().await.unwrap()), manifest, "{front}");
    }
    let path = format!("docker/library/busybox/blobs/{layer}?ns={PUBLIC}");
    let head = wharf.request("HEAD", &path).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-length"], "12");
    assert_eq!(wharf.get(&path).await.bytes().await.unwrap(), "public layer");
    let seen = wharf.aws.seen();
    let heads = seen
        .iter()
        .filter(|seen| seen.method == "HEAD" && seen.path.contains("/blobs/"));
    assert_eq!(heads.count(), 0, "the registry was not asked in a way that it refuses");
}
