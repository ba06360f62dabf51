use super::{facts::Facts, profile::ProfileState};

/// What a path of the service leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    Text(String),
    /// The credentials of a role, which are made when they are asked for.
    Credentials(String),
}

enum Node {
    /// By name, in the order in which they are listed.
    Directory(Vec<(String, Node)>),
    /// The upper two levels, in whose lists directories have no slash.
    Trunk(Vec<(String, Node)>),
    Leaf(Leaf),
}

/// What is at a path; a slash at its end makes no difference, as the SDKs expect.
pub(super) fn find(facts: &Facts, profile: Option<&ProfileState>, path: &str) -> Option<Leaf> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let names = path.split('/').filter(|_| !path.is_empty());
    let mut node = root(facts, profile);
    for name in names {
        let (Node::Directory(entries) | Node::Trunk(entries)) = node else {
            return None;
        };
        (_, node) = entries.into_iter().find(|(entry, _)| entry == name)?;
    }
    Some(match node {
        Node::Leaf(leaf) => leaf,
        Node::Directory(entries) => Leaf::Text(list(&entries, "/")),
        Node::Trunk(entries) => Leaf::Text(list(&entries, "")),
    })
}

fn list(entries: &[(String, Node)], mark: &str) -> String {
    let names = entries.iter().map(|(name, node)| match node {
        Node::Leaf(_) => name.clone(),
        Node::Directory(_) | Node::Trunk(_) => format!("{name}{mark}"),
    });
    names.collect::<Vec<_>>().join("\n")
}

fn root(facts: &Facts, profile: Option<&ProfileState>) -> Node {
    let identity = directory([("document", text(facts.identity_document()))]);
    let mut metadata = vec![
        entry("ami-id", text(&facts.image_id)),
        entry("hostname", text(facts.hostname())),
    ];
    // An instance without a profile has no `iam`.
    metadata.extend(profile.map(|profile| entry("iam", iam(profile))));
    metadata.extend([
        entry("instance-id", text(&facts.instance_id)),
        entry("instance-type", text(&facts.instance_type)),
        entry("local-hostname", text(facts.hostname())),
        entry("local-ipv4", text(facts.private_ip.to_string())),
        entry(
            "placement",
            directory([
                ("availability-zone", text(facts.zone())),
                ("region", text(facts.region.as_str())),
            ]),
        ),
        entry(
            "services",
            directory([("domain", text("amazonaws.com")), ("partition", text("aws"))]),
        ),
    ]);
    let latest = Node::Trunk(vec![
        entry("dynamic", directory([("instance-identity", identity)])),
        entry("meta-data", Node::Directory(metadata)),
    ]);
    Node::Trunk(vec![entry("latest", latest)])
}

fn iam(profile: &ProfileState) -> Node {
    let info = entry("info", text(&profile.info));
    let credentials = profile.role.iter().map(|role| {
        let leaf = Node::Leaf(Leaf::Credentials(role.clone()));
        entry("security-credentials", Node::Directory(vec![entry(role, leaf)]))
    });
    Node::Directory([info].into_iter().chain(credentials).collect())
}

fn entry(name: &str, node: Node) -> (String, Node) {
    (name.to_owned(), node)
}

fn directory<const N: usize>(entries: [(&str, Node); N]) -> Node {
    Node::Directory(entries.into_iter().map(|(name, node)| entry(name, node)).collect())
}

fn text(text: impl Into<String>) -> Node {
    Node::Leaf(Leaf::Text(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{host::Region, machine::Frame};
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn facts() -> Facts {
        let frame = Frame {
            name: "web".into(),
            account: "111122223333".parse().unwrap(),
            region: Region::parse("eu-west-1").unwrap(),
            address: ([127, 0, 0, 1], 80).into(),
        };
        Facts::of(&frame, "t3.micro", Timestamp::UNIX_EPOCH)
    }

    fn with_role(path: &str) -> Option<Leaf> {
        let profile = ProfileState {
            info: "info".into(),
            role: Some("puller".into()),
        };
        find(&facts(), Some(&profile), path)
    }

    fn is_text(leaf: Option<Leaf>, expected: &str) {
        assert_eq!(leaf, Some(Leaf::Text(expected.to_owned())));
    }

    #[test]
    fn directories_are_listed() {
        is_text(with_role("/"), "latest");
        is_text(with_role("/latest"), "dynamic\nmeta-data");
        is_text(with_role("/latest/dynamic/"), "instance-identity/");
        is_text(
            with_role("/latest/meta-data/"),
            "ami-id\nhostname\niam/\ninstance-id\ninstance-type\nlocal-hostname\nlocal-ipv4\nplacement/\nservices/",
        );
        is_text(with_role("/latest/meta-data/iam/"), "info\nsecurity-credentials/");
        for path in [
            "/latest/meta-data/iam/security-credentials",
            "/latest/meta-data/iam/security-credentials/",
        ] {
            is_text(with_role(path), "puller");
        }
    }

    #[test]
    fn leaves_are_found_with_and_without_a_slash() {
        for path in [
            "/latest/meta-data/placement/availability-zone",
            "/latest/meta-data/placement/availability-zone/",
        ] {
            is_text(with_role(path), "eu-west-1a");
        }
        assert_eq!(
            with_role("/latest/meta-data/iam/security-credentials/puller"),
            Some(Leaf::Credentials("puller".into()))
        );
    }

    #[test]
    fn nothing_else_is_there() {
        for path in [
            "",
            "latest",
            "/latest//meta-data",
            "/latest/meta-data/instance-id/x",
            "/latest/meta-data/iam/security-credentials/Puller",
            "/latest/meta-data/iam/security-credentials-extended/",
            "/latest/user-data",
            "/2021-03-23/meta-data/",
        ] {
            assert_eq!(with_role(path), None, "{path}");
        }
        assert_eq!(find(&facts(), None, "/latest/meta-data/iam/"), None);
        let empty = ProfileState {
            info: "info".into(),
            role: None,
        };
        is_text(find(&facts(), Some(&empty), "/latest/meta-data/iam/"), "info");
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "(/[a-z-]{0,12}){0,6}|\\PC{0,40}") {
            let _ = with_role(&path);
        }
    }
}
