use serde_json::json;

use crate::{
    iam_stage::{allowing, denial, policy},
    stage::{PROVIDER, SUBJECT, Stage, trust},
};

const POLICY: &str = "arn:aws:iam::111122223333:policy/p";

/// The five kinds of entities that have tags: the end of the operations' names, and how one is named.
const KINDS: [(&str, (&str, &str)); 5] = [
    ("User", ("UserName", "bob")),
    ("Role", ("RoleName", "puller")),
    ("Policy", ("PolicyArn", POLICY)),
    ("OpenIDConnectProvider", ("OpenIDConnectProviderArn", PROVIDER)),
    ("InstanceProfile", ("InstanceProfileName", "web")),
];

async fn stage() -> Stage {
    let stage = Stage::furnished().await;
    stage.user("bob").await;
    stage.policy("p", &allowing(&["ecr:*"])).await;
    stage
        .act("CreateInstanceProfile", &[("InstanceProfileName", "web")])
        .await
        .ok();
    stage
}

#[tokio::test]
async fn whatever_has_tags_is_tagged_and_untagged() {
    let stage = stage().await;
    for (kind, named) in KINDS {
        let list = || async {
            let listed = stage.act(&format!("List{kind}Tags"), &[named]).await.ok();
            (listed.elements("Key"), listed.elements("Value"))
        };
        let pairs = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            pairs.unzip::<_, _, Vec<_>, Vec<_>>()
        };
        assert_eq!(list().await, pairs(&[]), "{kind}");
        let tags = [
            named,
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "a b"),
            ("Tags.member.2.Key", "empty"),
            ("Tags.member.2.Value", ""),
        ];
        stage.act(&format!("Tag{kind}"), &tags).await.ok();
        assert_eq!(list().await, pairs(&[("empty", ""), ("team", "a b")]), "{kind}");
        let again = [named, ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "c")];
        stage.act(&format!("Tag{kind}"), &again).await.ok();
        assert_eq!(list().await, pairs(&[("empty", ""), ("team", "c")]), "{kind}");
        let page = [named, ("MaxItems", "1")];
        let first = stage.act(&format!("List{kind}Tags"), &page).await.ok();
        let page = [named, ("Marker", &first.element("Marker"))];
        let last = stage.act(&format!("List{kind}Tags"), &page).await.ok();
        assert_eq!(last.elements("Key"), ["team"], "{kind}");
        let untag = [
            named,
            ("TagKeys.member.1", "empty"),
            ("TagKeys.member.2", "never-there"),
        ];
        stage.act(&format!("Untag{kind}"), &untag).await.ok();
        assert_eq!(list().await, pairs(&[("team", "c")]), "{kind}");
        let shown = stage.act(&format!("Get{kind}"), &[named]).await.ok();
        assert_eq!(shown.element("Key"), "team", "{kind}");
    }
}

#[tokio::test]
async fn tags_keep_to_the_rules() {
    let stage = stage().await;
    let long_key = "k".repeat(129);
    let long_value = "v".repeat(257);
    for (kind, named) in KINDS {
        let tag = |tags: Vec<(String, String)>| {
            let stage = &stage;
            async move {
                let params = tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                let params = [named].into_iter().chain(params).collect::<Vec<_>>();
                stage.act(&format!("Tag{kind}"), &params).await
            }
        };
        let tags = |tags: &[(&str, &str)]| {
            let numbered = (1..).zip(tags).flat_map(|(number, (key, value))| {
                [("Key", key), ("Value", value)]
                    .map(|(part, text)| (format!("Tags.member.{number}.{part}"), (*text).to_owned()))
            });
            numbered.collect::<Vec<_>>()
        };
        let constraint = |at: &str, rule: &str| {
            format!("1 validation error detected: Value at '{at}' failed to satisfy constraint: Member must {rule}")
        };
        for (bad, message) in [
            (vec![], constraint("tags", "not be null")),
            (
                tags(&[(&long_key, "")]),
                constraint("tags.1.member.key", "have length less than or equal to 128"),
            ),
            (
                tags(&[("a", ""), ("b", &long_value)]),
                constraint("tags.2.member.value", "have length less than or equal to 256"),
            ),
            (
                tags(&[("a*", "")]),
                constraint(
                    "tags.1.member.key",
                    "satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+",
                ),
            ),
            (
                vec![("Tags.member.1.Key".to_owned(), "a".to_owned())],
                constraint("tags.1.member.value", "not be null"),
            ),
        ] {
            tag(bad).await.refused(400, "ValidationError", &message);
        }
        let many = |from: usize, to: usize| {
            let names = (from..to).map(|number| format!("k{number}")).collect::<Vec<_>>();
            let pairs = names.iter().map(|name| (name.as_str(), "v")).collect::<Vec<_>>();
            tags(&pairs)
        };
        tag(many(0, 51)).await.refused(
            400,
            "ValidationError",
            &constraint("tags", "have length less than or equal to 50"),
        );
        tag(many(0, 50)).await.ok();
        tag(many(0, 50)).await.ok();
        tag(many(50, 51)).await.refused(
            409,
            "LimitExceeded",
            "The number of tags has reached the maximum limit.",
        );
        assert_eq!(tag(tags(&[("aws:team", "a")])).await.element("Code"), "InvalidInput");
        tag(tags(&[("a", "1"), ("a", "2")])).await.refused(
            400,
            "InvalidInput",
            if matches!(kind, "User" | "Role") {
                "Duplicate tag keys found. Please note that Tag keys are case insensitive."
            } else {
                "Duplicate tag keys found."
            },
        );
        let untag = [named, ("TagKeys.member.1", "a*")];
        stage.act(&format!("Untag{kind}"), &untag).await.refused(
            400,
            "ValidationError",
            "1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must satisfy \
             constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal \
             to 1, Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+, Member must not be \
             null]",
        );
    }
}

#[tokio::test]
async fn the_case_of_keys_matters_except_for_users_and_roles() {
    let stage = stage().await;
    for (kind, named) in KINDS {
        for (key, value) in [("Team", "a"), ("team", "b")] {
            let params = [named, ("Tags.member.1.Key", key), ("Tags.member.1.Value", value)];
            stage.act(&format!("Tag{kind}"), &params).await.ok();
        }
        let listed = stage.act(&format!("List{kind}Tags"), &[named]).await.ok();
        let expected: &[&str] = if matches!(kind, "User" | "Role") {
            &["b"]
        } else {
            &["a", "b"]
        };
        assert_eq!(listed.elements("Value"), expected, "{kind}");
    }
}

#[tokio::test]
async fn tags_are_given_at_creation_by_who_may_tag() {
    let stage = Stage::new().await;
    let keys = stage
        .user_who_may("bob", &["iam:CreateUser", "iam:CreateRole"], "*")
        .await;
    let document = trust(SUBJECT);
    let tag = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "a")];
    for (action, named, tagging, arn) in [
        ("CreateUser", ("UserName", "eve"), "iam:TagUser", "user/eve"),
        ("CreateRole", ("RoleName", "r"), "iam:TagRole", "role/r"),
    ] {
        let params = [named, tag[0], tag[1], ("AssumeRolePolicyDocument", &document)];
        stage.act_as(&keys, action, &params).await.refused(
            403,
            "AccessDenied",
            &denial("bob", tagging, &format!("arn:aws:iam::111122223333:{arn}")),
        );
        let created = stage.act(action, &params).await.ok();
        assert_eq!(created.element("Key"), "team");
    }
}

#[tokio::test]
async fn tags_decide_who_may_do_what() {
    let stage = stage().await;
    let keys = stage.user("carol").await;
    let document = policy(&json!([
        {
            "Effect": "Allow",
            "Action": "iam:GetRole",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}},
        },
        {
            "Effect": "Allow",
            "Action": "iam:TagRole",
            "Resource": "*",
            "Condition": {
                "StringEquals": {"aws:RequestTag/team": ["a", "b"]},
                "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]},
            },
        },
    ]));
    let put = [
        ("UserName", "carol"),
        ("PolicyName", "by-tags"),
        ("PolicyDocument", &document),
    ];
    stage.act("PutUserPolicy", &put).await.ok();
    let role = ("RoleName", "puller");
    let get = || async { stage.act_as(&keys, "GetRole", &[role]).await };
    let denied = denial("carol", "iam:GetRole", "role puller");
    get().await.refused(403, "AccessDenied", &denied);
    let team = |team: &'static str| [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", team)];
    let tag_user = [&[("UserName", "carol")], &team("a")[..]].concat();
    stage.act("TagUser", &tag_user).await.ok();
    get().await.refused(403, "AccessDenied", &denied);
    let tag_role = [&[role], &team("a")[..]].concat();
    stage.act_as(&keys, "TagRole", &tag_role).await.ok();
    get().await.ok();
    // Not every value, and no other key.
    let other = [&[role], &team("c")[..]].concat();
    let more = [
        &tag_role[..],
        &[("Tags.member.2.Key", "other"), ("Tags.member.2.Value", "x")],
    ]
    .concat();
    for params in [other, more] {
        stage.act_as(&keys, "TagRole", &params).await.refused(
            403,
            "AccessDenied",
            &denial("carol", "iam:TagRole", "role puller"),
        );
    }
}
