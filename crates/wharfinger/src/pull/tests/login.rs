use super::{
    registry::{Answer, Asked},
    *,
};
use crate::pull::{Credentials, registry::RequestError};

const PASSWORD: &str = "hunter2";
/// `Basic` and base64 of `robot:hunter2`.
const BASIC: &str = "Basic cm9ib3Q6aHVudGVyMg==";

fn credentials(password: &str) -> Option<Credentials> {
    Some(Credentials {
        username: "robot".to_owned(),
        password: password.into(),
        origin: "a test".to_owned(),
    })
}

fn refuse(answer: &mut Answer, challenge: &str) {
    *answer = Answer::error(401, "UNAUTHORIZED", "who are you?");
    answer.set("www-authenticate", challenge);
}

fn is_let_in(asked: &Asked, authorization: &str) -> bool {
    asked.header("authorization") == Some(authorization)
}

/// A registry with a token service of its own; tokens are `t0`, `t1`, … and each is good for `uses` requests.
fn ask_for_tokens(registry: &TestRegistry, uses: usize) {
    let realm = format!("{}/token", registry.url());
    let (mut issued, mut used) = (0, 0);
    registry.mischief(move |asked, answer| {
        if asked.path == "/token" {
            if asked.header("authorization") != Some(BASIC) {
                return refuse(answer, "Basic realm=x");
            }
            issued += 1;
            used = 0;
            *answer = Answer::new(200, json!({ "token": format!("t{issued}") }).to_string());
        } else if is_let_in(asked, &format!("Bearer t{issued}")) && used < uses {
            used += 1;
        } else {
            refuse(
                answer,
                &format!(r#"Bearer realm="{realm}",service="r",scope="repository:r.test/team/app:pull""#),
            );
        }
    });
}

#[tokio::test]
async fn a_password_is_sent_with_the_first_request() {
    let scene = Scene::new().await;
    scene.registry.mischief(|asked, answer| {
        if !is_let_in(asked, BASIC) {
            refuse(answer, "Basic realm=x");
        }
    });
    let mut pull = scene.pull(":1");
    pull.credentials = credentials(PASSWORD);
    pull.run().await.unwrap();
    scene.assert_whole();
    assert_eq!(scene.registry.asked().len(), 4, "no request is made in vain");
}

#[tokio::test]
async fn a_token_is_fetched_once_for_everything() {
    let scene = Scene::new().await;
    ask_for_tokens(&scene.registry, usize::MAX);
    let mut pull = scene.pull(":1");
    pull.credentials = credentials(PASSWORD);
    pull.run().await.unwrap();
    scene.assert_whole();
    let (tokens, others): (Vec<_>, Vec<_>) = scene
        .registry
        .asked()
        .into_iter()
        .partition(|asked| asked.path == "/token");
    assert_eq!(tokens.len(), 1);
    assert_eq!(
        tokens[0].query,
        "service=r&scope=repository%3Ar.test%2Fteam%2Fapp%3Apull"
    );
    let basic = others.iter().filter(|asked| is_let_in(asked, BASIC)).count();
    assert_eq!(
        basic, 1,
        "once the registry asks for tokens, the password is not sent to it again"
    );
}

#[tokio::test]
async fn a_token_that_expires_between_two_pieces_is_renewed() {
    let scene = Scene::new().await;
    ask_for_tokens(&scene.registry, 2);
    let mut pull = scene.pull(":1");
    pull.credentials = credentials(PASSWORD);
    // An explicit platform makes manifest and configuration come one after the other, then the layers.
    pull.platform = "linux/amd64".parse().unwrap();
    pull.run().await.unwrap();
    scene.assert_whole();
    let tokens = scene
        .registry
        .asked()
        .into_iter()
        .filter(|asked| asked.path == "/token")
        .count();
    assert_eq!(tokens, 2);
}

#[tokio::test]
async fn an_unknown_user_learns_what_to_do_and_no_secret_is_repeated() {
    for (given, expected, fix) in [
        (None, "without a user name", "--password-stdin"),
        (
            credentials("wrong-hunter2"),
            "as user `robot` (password from a test)",
            "check the user name",
        ),
    ] {
        for bearer in [false, true] {
            let scene = Scene::new().await;
            if bearer {
                ask_for_tokens(&scene.registry, usize::MAX);
            } else {
                scene.registry.mischief(|_, answer| refuse(answer, "Basic realm=x"));
            }
            let mut pull = scene.pull(":1");
            pull.credentials = given.clone();
            let error = pull.run().await.unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains("401") && text.contains("who are you?") && text.contains(expected),
                "{text}"
            );
            assert!(error.fix().unwrap().contains(fix));
            assert!(!format!("{text}{error:?}").contains("hunter2"), "{error:?}");
            assert!(!scene.layout().exists());
        }
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_not_fetched_for_ever() {
    let scene = Scene::new().await;
    ask_for_tokens(&scene.registry, 0);
    let mut pull = scene.pull(":1");
    pull.credentials = credentials(PASSWORD);
    assert!(matches!(
        pull.run().await,
        Err(PullError::Request(RequestError::Unauthorized { .. }))
    ));
    assert_eq!(scene.registry.asked().len(), 3, "challenge, token, refusal");
}

#[tokio::test]
async fn a_password_does_not_travel_in_the_clear() {
    let scene = Scene::new().await;
    for proxy in ["http://192.0.2.1", "http://registry.example.com"] {
        let mut pull = scene.pull(":1");
        pull.proxy = Some(proxy.parse().unwrap());
        pull.credentials = credentials(PASSWORD);
        let error = pull.run().await.unwrap_err();
        assert!(
            error.is_bad_input() && error.to_string().contains("without TLS"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_token_service_that_cannot_be_trusted_gets_nothing() {
    for realm in [
        "http://192.0.2.1/token",
        "http://u:p@127.0.0.1/token",
        "ftp://127.0.0.1/",
        "token",
        "",
    ] {
        let scene = Scene::new().await;
        let challenge = format!(r#"Bearer realm="{realm}""#);
        scene.registry.mischief(move |_, answer| {
            refuse(answer, &challenge);
        });
        let mut pull = scene.pull(":1");
        pull.credentials = credentials(PASSWORD);
        let error = pull.run().await.unwrap_err().to_string();
        assert!(error.contains("realm"), "{realm}: {error}");
        assert_eq!(scene.registry.asked().len(), 1);
    }
}

#[tokio::test]
async fn an_answer_of_the_token_service_is_not_repeated() {
    for body in [r#"{"token":["hunter2"]}"#, "hunter2", "{}", r#"{"token":"hunter2\n"}"#] {
        let scene = Scene::new().await;
        let realm = format!("Bearer realm=\"{}/token\"", scene.registry.url());
        scene.registry.mischief(move |asked, answer| match asked.path.as_str() {
            "/token" => *answer = Answer::new(200, body),
            _ => refuse(answer, &realm),
        });
        let error = scene.run().await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("token service") && !text.contains("hunter2"), "{text}");
    }
}
