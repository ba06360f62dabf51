//! Names and paths, whose rules have sentences of their own.

use std::ops::RangeInclusive;

use crate::query::{Pattern, Validation};

/// A name that must be there, of `most` characters at most.
pub(super) fn name<'p>(check: &mut Validation<'p>, parameter: &str, most: usize) -> &'p str {
    let name = check.required(parameter, 1..=most, Pattern::ANY);
    check_name(check, parameter, name);
    name
}

/// A name that may be absent.
pub(super) fn optional_name<'p>(check: &mut Validation<'p>, parameter: &str, most: usize) -> Option<&'p str> {
    let name = check.optional(parameter, 1..=most, Pattern::ANY)?;
    check_name(check, parameter, name);
    Some(name)
}

/// The id of an access key.
pub(super) fn key_id<'p>(check: &mut Validation<'p>) -> &'p str {
    let id = check.required("AccessKeyId", 16..=128, Pattern::ANY);
    if !Pattern::KEY_ID.matches(id) {
        check.refuse(
            "The specified value for accessKeyId is invalid. It must contain only alphanumeric characters.".to_owned(),
        );
    }
    id
}

/// The path of a new entity, `/` where nothing is said.
pub(super) fn path<'p>(check: &mut Validation<'p>) -> &'p str {
    optional_path(check, "Path").unwrap_or("/")
}

/// A path that may be absent.
pub(super) fn optional_path<'p>(check: &mut Validation<'p>, parameter: &str) -> Option<&'p str> {
    let path = check.optional(parameter, PATH, Pattern::ANY)?;
    if !is_path(path) {
        check.refuse(format!(
            "The specified value for {} is invalid. It must begin and end with / and contain only alphanumeric \
             characters and/or / characters.",
            member(parameter)
        ));
    }
    Some(path)
}

/// What the paths in a listing have to begin with, `/` where nothing is said.
pub(super) fn path_prefix<'p>(check: &mut Validation<'p>) -> &'p str {
    let prefix = check.optional("PathPrefix", PATH, Pattern::ANY).unwrap_or("/");
    if !prefix.starts_with('/') || !prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
        check.refuse(
            "The specified value for pathPrefix is invalid. It must begin with the / character and contain only \
             alphanumeric characters and/or / characters."
                .to_owned(),
        );
    }
    prefix
}

/// The ARN of a managed policy, as far as the model constrains it.
pub(super) fn policy_arn<'p>(check: &mut Validation<'p>) -> &'p str {
    check.required("PolicyArn", ARN, Pattern::ANY)
}

pub(super) const ARN: RangeInclusive<usize> = 20..=2048;
const PATH: RangeInclusive<usize> = 1..=512;

fn check_name(check: &mut Validation<'_>, parameter: &str, name: &str) {
    if !Pattern::NAME.matches(name) {
        check.refuse(format!(
            "The specified value for {} is invalid. It must contain only alphanumeric characters and/or the following: \
             +=,.@_-",
            member(parameter)
        ));
    }
}

fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.ends_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic())
        && !path.contains("//")
}

/// `UserName` as messages name it: `userName`.
pub(super) fn member(parameter: &str) -> String {
    let (first, rest) = parameter.split_at(1);
    first.to_ascii_lowercase() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_and_end_with_a_slash() {
        assert!(is_path("/"));
        assert!(is_path("/team/ci/"));
        for path in ["", "team", "/team", "team/", "//", "/a b/"] {
            assert!(!is_path(path), "{path}");
        }
    }
}
