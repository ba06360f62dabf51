use serde_json::json;

use crate::{
    iam_stage::{denial, policy},
    stage::{ROLE, SUBJECT, Stage, trust},
};

const PROFILE: [(&str, &str); 1] = [("InstanceProfileName", "web")];

#[tokio::test]
async fn an_instance_profile_has_one_role() {
    let stage = Stage::furnished().await;
    stage.create_role("other", &trust(SUBJECT)).await.ok();
    let create = [("InstanceProfileName", "web"), ("Path", "/team/")];
    let created = stage.act("CreateInstanceProfile", &create).await.ok();
    assert_eq!(
        created.element("Arn"),
        "arn:aws:iam::111122223333:instance-profile/team/web"
    );
    assert_eq!(&created.element("InstanceProfileId")[..4], "AIPA");
    assert!(created.text().contains("<Roles></Roles>"));
    stage.act("CreateInstanceProfile", &create).await.refused(
        409,
        "EntityAlreadyExists",
        "Instance Profile web already exists.",
    );
    let with = |action: &'static str, profile: &'static str, role: &'static str| {
        let stage = &stage;
        async move {
            stage
                .act(action, &[("InstanceProfileName", profile), ("RoleName", role)])
                .await
        }
    };
    with("AddRoleToInstanceProfile", "web", "puller").await.ok();
    with("AddRoleToInstanceProfile", "web", "other").await.refused(
        409,
        "LimitExceeded",
        "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
    );
    let shown = stage.act("GetInstanceProfile", &PROFILE).await.ok();
    assert_eq!(shown.elements("Arn")[1], ROLE);
    assert_eq!(shown.elements("RoleName"), ["puller"]);
    let listed = stage.act("ListInstanceProfiles", &[]).await.ok();
    assert_eq!(listed.elements("InstanceProfileName"), ["web"]);
    let listed = stage.act("ListInstanceProfiles", &[("PathPrefix", "/x")]).await.ok();
    assert!(listed.elements("InstanceProfileName").is_empty());
    for (role, count) in [("puller", 1), ("other", 0)] {
        let listed = stage
            .act("ListInstanceProfilesForRole", &[("RoleName", role)])
            .await
            .ok();
        assert_eq!(listed.elements("InstanceProfileName").len(), count);
    }

    for action in ["AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile"] {
        with(action, "none", "puller")
            .await
            .refused(404, "NoSuchEntity", "Instance Profile none cannot be found.");
        with(action, "web", "none")
            .await
            .refused(404, "NoSuchEntity", "The role with name none cannot be found.");
    }
    with("RemoveRoleFromInstanceProfile", "web", "other").await.refused(
        404,
        "NoSuchEntity",
        "Role other in Instance Profile web cannot be found.",
    );
    stage
        .act(
            "DeleteRolePolicy",
            &[("RoleName", "puller"), ("PolicyName", "permissions")],
        )
        .await
        .ok();
    let conflict = "Cannot delete entity, must remove roles from instance profile first.";
    stage
        .act("DeleteRole", &[("RoleName", "puller")])
        .await
        .refused(409, "DeleteConflict", conflict);
    stage
        .act("DeleteInstanceProfile", &PROFILE)
        .await
        .refused(409, "DeleteConflict", conflict);
    with("RemoveRoleFromInstanceProfile", "web", "puller").await.ok();
    stage.act("DeleteInstanceProfile", &PROFILE).await.ok();
    stage.act("DeleteRole", &[("RoleName", "puller")]).await.ok();
    for action in ["GetInstanceProfile", "DeleteInstanceProfile"] {
        stage
            .act(action, &PROFILE)
            .await
            .refused(404, "NoSuchEntity", "Instance Profile web cannot be found.");
    }
}

#[tokio::test]
async fn who_adds_a_role_must_be_allowed_to_pass_it() {
    let stage = Stage::furnished().await;
    stage.act("CreateInstanceProfile", &PROFILE).await.ok();
    let keys = stage.user_who_may("bob", &["iam:AddRoleToInstanceProfile"], "*").await;
    let add = [("InstanceProfileName", "web"), ("RoleName", "puller")];
    stage.act_as(&keys, "AddRoleToInstanceProfile", &add).await.refused(
        403,
        "AccessDenied",
        &denial("bob", "iam:PassRole", ROLE),
    );
    let document = policy(&json!({
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": ROLE,
        "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
    }));
    let put = [
        ("UserName", "bob"),
        ("PolicyName", "pass"),
        ("PolicyDocument", &document),
    ];
    stage.act("PutUserPolicy", &put).await.ok();
    stage.act_as(&keys, "AddRoleToInstanceProfile", &add).await.ok();
}
