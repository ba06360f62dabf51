use proptest::prelude::*;

use super::*;
use crate::Context;

const ALL: Dialect = Dialect {
    wildcards: true,
    variables: true,
};

fn matches(pattern: &str, text: &str, reading: Reading) -> bool {
    Pattern::compile(pattern, ALL).matches(text, reading, &Context::complete()) == Truth::Matched
}

#[test]
fn wildcards() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("*", "anything:at all", true),
        ("", "", true),
        ("", "x", false),
        ("a*c", "abbbc", true),
        ("a*c", "abbb", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*b*b", "abxb", true),
        ("a**b", "ab", true),
        ("?", "ü", true),
        ("*ü?", "xüü", true),
        ("x*y*z", "x-y-y-zz", true),
    ] {
        assert_eq!(matches(pattern, text, Reading::Plain), expected, "{pattern} {text}");
    }
}

#[test]
fn no_exponential_case() {
    let pattern = "*a".repeat(200) + "b";
    assert!(!matches(&pattern, &"a".repeat(4000), Reading::Plain));
}

#[test]
fn arns_are_matched_part_by_part() {
    let repository = "arn:aws:ecr:us-east-1:111122223333:repository/team/app";
    for (pattern, expected) in [
        ("arn:aws:ecr:*:*:repository/*", true),
        ("arn:aws:ecr:us-*-1:111122223333:repository/team/app", true),
        ("arn:aws:ecr:*:repository/*", false),
        ("arn:aws:*", false),
        ("arn:*:*:*:*:*", true),
        ("*", true),
        ("arn:aws:ecr:us-east-1?111122223333:repository/team/app", false),
        ("arn:aws:ecr:us-east-1:111122223333:repository/TEAM/app", false),
    ] {
        assert_eq!(matches(pattern, repository, Reading::Arn), expected, "{pattern}");
    }
    assert!(!matches("*", "no arn", Reading::Arn));
    assert!(matches(
        "arn:aws:logs:*:*:log-*:x",
        "arn:aws:logs:r:1:log-group:a:b:x",
        Reading::Arn
    ));
}

#[test]
fn a_star_at_the_end_of_its_part_of_a_resource_reaches_further() {
    let repository = "arn:aws:ecr:us-east-1:111122223333:repository/team/app";
    for (pattern, expected) in [
        ("*", true),
        ("arn:aws:*", true),
        ("arn:aws:ecr:*:repository/team/app", true),
        ("arn:aws:ecr:us*y/team/app", false),
        ("arn:aws:ecr:us*:111122223333:repository/team/app", true),
        ("arn:aws:ecr:us-east-1?111122223333:repository/team/app", false),
        ("arn:aws:ecr:*:111122223333:repository/t*p", true),
        ("arn:aws:ecr:us-east-1:111122223333:repository/team/app/*", false),
    ] {
        assert_eq!(matches(pattern, repository, Reading::Resource), expected, "{pattern}");
    }
    assert!(matches("*", "*", Reading::Resource));
    assert!(!matches(repository, "*", Reading::Resource));
    assert!(matches(
        "arn:aws:s3:::b/*.txt",
        "arn:aws:s3:::b/a:b.txt",
        Reading::Resource
    ));
    // The second, bound star is stuck at first; the free one before it has to give way.
    assert!(matches("arn:aws:*:x*y:1:r", "arn:aws:s:xq:x1y:1:r", Reading::Resource));
}

#[test]
fn variables_take_their_value_from_the_context() {
    let context = Context::complete()
        .with("aws:username", "ann")
        .with("many", "a")
        .with("many", "b")
        .with("star", "*");
    for (pattern, text, expected) in [
        ("home/${aws:username}/*", "home/ann/x", Truth::Matched),
        ("home/${AWS:UserName}/*", "home/ann/x", Truth::Matched),
        ("home/${aws:username}/*", "home/bob/x", Truth::NotMatched),
        ("${missing}", "", Truth::NotMatched),
        ("x${missing}", "x", Truth::NotMatched),
        ("${missing, 'none'}", "none", Truth::Matched),
        ("${missing,'none'}-x", "none-x", Truth::Matched),
        ("${aws:username, 'none'}", "none", Truth::NotMatched),
        ("${many}", "a", Truth::NotMatched),
        ("${star}", "x", Truth::NotMatched),
        ("${star}", "*", Truth::Matched),
        ("${*}", "*", Truth::Matched),
        ("${*}", "x", Truth::NotMatched),
        ("a${?}${$}", "a?$", Truth::Matched),
        ("${", "${", Truth::Matched),
        ("${}", "${}", Truth::Matched),
    ] {
        let compiled = Pattern::compile(pattern, ALL);
        assert_eq!(
            compiled.matches(text, Reading::Plain, &context),
            expected,
            "{pattern} {text}"
        );
    }
}

#[test]
fn a_variable_that_is_not_known_leaves_open_what_the_rest_does_not_decide() {
    let pattern = Pattern::compile("home/${aws:username}/*", ALL);
    assert_eq!(
        pattern.matches("home/ann/x", Reading::Plain, &Context::partial()),
        Truth::NotKnown
    );
    assert_eq!(
        pattern.matches("etc/ann/x", Reading::Plain, &Context::partial()),
        Truth::NotMatched
    );
    let letters = Pattern::compile("x${aws:username}", ALL);
    assert_eq!(
        letters.matches("Xann", Reading::AnyCase, &Context::partial()),
        Truth::NotKnown
    );
}

#[test]
fn without_variables_a_dollar_is_a_dollar() {
    let old = Pattern::compile(
        "${aws:username}*",
        Dialect {
            wildcards: true,
            variables: false,
        },
    );
    let context = Context::complete().with("aws:username", "ann");
    assert_eq!(old.matches("ann", Reading::Plain, &context), Truth::NotMatched);
    assert_eq!(
        old.matches("${aws:username}/x", Reading::Plain, &context),
        Truth::Matched
    );
}

#[test]
fn letters_of_either_case() {
    assert!(matches("GRÜN", "grün", Reading::AnyCase));
    assert!(!matches("GRÜN", "grau", Reading::AnyCase));
}

/// The rule as it is written down, without any cleverness.
fn by_the_book(pattern: &[char], text: &[char], colons: usize, reading: Reading) -> bool {
    let crossable = |c: char| reading == Reading::Plain || c != ':' || colons >= 5;
    let consumed = |c: char| colons + usize::from(c == ':');
    match pattern {
        [] => text.is_empty(),
        // Several stars are the last of them.
        ['*', '*', ..] => by_the_book(&pattern[1..], text, colons, reading),
        ['*', rest @ ..] => {
            let free = reading == Reading::Resource && matches!(rest, [] | [':', ..]);
            by_the_book(rest, text, colons, reading)
                || matches!(text, [c, tail @ ..] if (free || crossable(*c))
                    && by_the_book(pattern, tail, consumed(*c), reading))
        }
        ['?', rest @ ..] => {
            matches!(text, [c, tail @ ..] if crossable(*c) && by_the_book(rest, tail, consumed(*c), reading))
        }
        [wanted, rest @ ..] => {
            matches!(text, [c, tail @ ..] if c == wanted && by_the_book(rest, tail, consumed(*c), reading))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn agrees_with_the_rule(
        pattern in "[ab:]{0,3}[*?]?[ab:]{0,4}[*?]?[ab:]{0,4}[*?]?[ab:]{0,4}",
        text in "[ab:]{0,14}",
        reading in prop_oneof![Just(Reading::Plain), Just(Reading::Resource)],
    ) {
        let expected = by_the_book(
            &pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>(), 0, reading);
        prop_assert_eq!(matches(&pattern, &text, reading), expected, "{} {} {:?}", pattern, text, reading);
    }

    #[test]
    fn agrees_with_the_rule_on_arns(
        pattern in "arn:[ab]?[*?]?:[ab]{0,2}[*?]?[ab]?:[*]?:[*ab]?:[ab:]?[*?]?[ab:]{0,3}",
        text in "arn:[ab]{0,2}:[ab]{0,3}:a?:[ab]?:[ab:]{0,5}",
    ) {
        let expected = by_the_book(
            &pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>(), 0, Reading::Arn);
        prop_assert_eq!(matches(&pattern, &text, Reading::Arn), expected, "{} {}", pattern, text);
    }
}
