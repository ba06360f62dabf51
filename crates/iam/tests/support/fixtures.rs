//! The documents of five pages that tell people how to pull from ECR, as the pages show them.

/// The text of a document. `${NAME}` of shells stays as it is.
pub(crate) fn fixture(name: &str) -> &'static str {
    let (_, text) = ALL.iter().find(|(known, _)| *known == name).expect("a fixture");
    text
}

macro_rules! fixtures {
    ($($name:literal),* $(,)?) => {
        /// Each with its text.
        pub(crate) const ALL: &[(&str, &str)] = &[$(($name, include_str!(concat!("../fixtures/", $name)))),*];
    };
}

fixtures![
    "circleci-permissions.json",
    "okteto-create-role.json",
    "okteto-provider.json",
    "okteto-trust-policy.json",
    "replicated-permissions.json",
    "replicated-trust.json",
    "repost-answer-repository.json",
    "repost-answer-role.json",
    "repost-question-repository.json",
    "repost-question-role.json",
    "snyk-assume-role.txt",
    "snyk-permissions.txt",
    "snyk-trust.txt",
];
