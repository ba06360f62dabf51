use crate::{
    issuer,
    stage::{AUDIENCE, PROVIDER, Stage},
};

const NAMED: (&str, &str) = ("OpenIDConnectProviderArn", PROVIDER);

#[tokio::test]
async fn the_thumbprint_is_fetched_where_none_is_given() {
    let stage = Stage::furnished().await;
    let shown = stage.act("GetOpenIDConnectProvider", &[NAMED]).await.ok();
    let thumbprints = shown.element("ThumbprintList");
    let thumbprint = thumbprints
        .trim()
        .trim_start_matches("<member>")
        .trim_end_matches("</member>");
    assert_eq!(thumbprint.len(), 40, "{thumbprints}");
    assert!(thumbprint.bytes().all(|byte| byte.is_ascii_hexdigit()));

    // A host that cannot be reached has none.
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let stage = Stage::with(|builder| builder.resolve("gone.example.test", address)).await;
    let create = [("Url", "https://gone.example.test")];
    stage.act("CreateOpenIDConnectProvider", &create).await.refused(
        400,
        "OpenIdIdpCommunicationError",
        "The request failed because IAM cannot connect to the OpenID Connect identity provider URL.",
    );
    assert!(
        stage
            .act("ListOpenIDConnectProviders", &[])
            .await
            .ok()
            .elements("Arn")
            .is_empty()
    );
    // With a thumbprint nobody is asked.
    let given = [create[0], ("ThumbprintList.member.1", &"A".repeat(40))];
    stage.act("CreateOpenIDConnectProvider", &given).await.ok();
}

#[tokio::test]
async fn client_ids_and_thumbprints_are_changed() {
    let stage = Stage::furnished().await;
    let clients = || async {
        let shown = stage.act("GetOpenIDConnectProvider", &[NAMED]).await.ok();
        let list = shown.element("ClientIDList");
        list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let client = |action: &'static str, id: &'static str| {
        let stage = &stage;
        async move { stage.act(action, &[NAMED, ("ClientID", id)]).await }
    };
    for _ in 0..2 {
        client("AddClientIDToOpenIDConnectProvider", "another").await.ok();
    }
    assert_eq!(
        clients().await,
        [
            format!("<member>{AUDIENCE}</member>"),
            "<member>another</member>".to_owned()
        ]
    );
    // A token for an audience that is gone is refused.
    let token = stage.issuer.token(&stage.claims());
    stage.assume(&token).await.ok();
    for _ in 0..2 {
        client("RemoveClientIDFromOpenIDConnectProvider", AUDIENCE).await.ok();
    }
    assert_eq!(clients().await, ["<member>another</member>"]);
    assert_eq!(stage.assume(&token).await.element("Code"), "InvalidIdentityToken");

    let print = |count: usize, sign: &'static str| {
        let stage = &stage;
        async move {
            let names = (1..=count)
                .map(|number| format!("ThumbprintList.member.{number}"))
                .collect::<Vec<_>>();
            let value = sign.repeat(40);
            let params = names.iter().map(|name| (name.as_str(), value.as_str()));
            let params = [NAMED].into_iter().chain(params).collect::<Vec<_>>();
            stage.act("UpdateOpenIDConnectProviderThumbprint", &params).await
        }
    };
    print(5, "B").await.ok();
    let shown = stage.act("GetOpenIDConnectProvider", &[NAMED]).await.ok();
    assert_eq!(shown.text().matches(&"b".repeat(40)).count(), 5);
    print(6, "B").await.refused(
        400,
        "InvalidInput",
        "Thumbprint list must contain fewer than 5 entries.",
    );
    print(0, "B").await.refused(
        400,
        "ValidationError",
        "1 validation error detected: Value at 'thumbprintList' failed to satisfy constraint: Member must not be null",
    );
    for number in 2..=100 {
        let id = format!("client{number}");
        let params = [NAMED, ("ClientID", &id)];
        stage.act("AddClientIDToOpenIDConnectProvider", &params).await.ok();
    }
    client("AddClientIDToOpenIDConnectProvider", "one-too-many")
        .await
        .refused(
            409,
            "LimitExceeded",
            "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100",
        );
    stage.act("DeleteOpenIDConnectProvider", &[NAMED]).await.ok();
    client("AddClientIDToOpenIDConnectProvider", "x").await.refused(
        404,
        "NoSuchEntity",
        &format!("OpenIDConnect Provider not found for arn {PROVIDER}"),
    );
}

#[tokio::test]
async fn an_issuer_that_is_in_trouble_shows_no_certificate() {
    let stage = Stage::new().await;
    let gone = r#"{"id": "gone", "when": {"service": "issuer"}, "times": 1, "what": "unreachable"}"#;
    stage.sim.add_fault(gone.parse().unwrap()).unwrap();
    let create = [("Url", issuer::URL)];
    let answer = stage.act("CreateOpenIDConnectProvider", &create).await;
    assert_eq!(answer.element("Code"), "OpenIdIdpCommunicationError");
    stage.act("CreateOpenIDConnectProvider", &create).await.ok();
}
