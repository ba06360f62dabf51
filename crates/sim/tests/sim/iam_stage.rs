//! What the tests of IAM have in common.

use serde_json::{Value, json};

use crate::{
    signing::Keys,
    stage::{ACCOUNT, Answer, Stage},
};

pub(crate) const READ_ONLY: &str = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";

impl Stage {
    /// A call of IAM by the root of [`ACCOUNT`].
    pub(crate) async fn act(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        self.act_as(&self.root(ACCOUNT), action, params).await
    }

    /// A call of IAM by somebody else.
    pub(crate) async fn act_as(&self, keys: &Keys, action: &str, params: &[(&str, &str)]) -> Answer {
        let all = [&[("Action", action)], params].concat();
        self.query("iam", &all, keys).await
    }

    /// A user with a key.
    pub(crate) async fn user(&self, name: &str) -> Keys {
        self.act("CreateUser", &[("UserName", name)]).await.ok();
        self.key(name).await
    }

    /// One more key of a user.
    pub(crate) async fn key(&self, name: &str) -> Keys {
        let answer = self.act("CreateAccessKey", &[("UserName", name)]).await.ok();
        Keys {
            id: answer.element("AccessKeyId"),
            secret: answer.element("SecretAccessKey"),
            token: None,
        }
    }

    /// A user with a key and one inline policy of one statement.
    pub(crate) async fn user_who_may(&self, name: &str, actions: &[&str], resource: &str) -> Keys {
        let keys = self.user(name).await;
        let policy = policy(&json!({"Effect": "Allow", "Action": actions, "Resource": resource}));
        self.act(
            "PutUserPolicy",
            &[
                ("UserName", name),
                ("PolicyName", "permissions"),
                ("PolicyDocument", &policy),
            ],
        )
        .await
        .ok();
        keys
    }

    /// A managed policy; its ARN comes back.
    pub(crate) async fn policy(&self, name: &str, document: &str) -> String {
        let params = [("PolicyName", name), ("PolicyDocument", document)];
        self.act("CreatePolicy", &params).await.ok().element("Arn")
    }

    /// Who the holder of keys is.
    pub(crate) async fn whoami(&self, keys: &Keys) -> Answer {
        self.query("sts", &[("Action", "GetCallerIdentity")], keys).await
    }
}

impl Answer {
    /// The texts of all XML elements of a name that hold no elements.
    pub(crate) fn elements(&self, name: &str) -> Vec<String> {
        let (text, open) = (self.text(), format!("<{name}>"));
        text.split(&open)
            .skip(1)
            .map(|part| part.split('<').next().unwrap_or_default().to_owned())
            .collect()
    }
}

/// A policy of these statements.
pub(crate) fn policy(statements: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// A policy that allows some actions on everything.
pub(crate) fn allowing(actions: &[&str]) -> String {
    policy(&json!({"Effect": "Allow", "Action": actions, "Resource": "*"}))
}

/// AWS's sentence for what no policy of the user's allows.
pub(crate) fn denial(user: &str, action: &str, resource: &str) -> String {
    format!(
        "User: arn:aws:iam::{ACCOUNT}:user/{user} is not authorized to perform: {action} on resource: {resource} because \
         no identity-based policy allows the {action} action"
    )
}
