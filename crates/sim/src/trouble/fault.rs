use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    effect::Effect,
    json::{InvalidFault, read, read_object},
    limit::{Id, Probability},
    when::{Target, When},
};

/// A rule by which something goes wrong. It is written as JSON, the same wherever it comes from; `README.md` of this
/// crate has the table of what it can say.
///
/// ```
/// let fault = r#"{
///     "id": "throttled-login",
///     "when": {"action": "ecr:GetAuthorizationToken"},
///     "times": 3,
///     "what": {"error": {"status": 400}}
/// }"#
/// .parse::<sim::Fault>()?;
/// assert_eq!(fault.id(), "throttled-login");
/// # Ok::<(), sim::InvalidFault>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) when: When,
    /// How likely it is that a call is struck.
    #[serde(default = "always", skip_serializing_if = "is_always")]
    pub(crate) probability: Probability,
    /// How many of the first calls are left alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) skip: u64,
    /// How many calls are struck before the rule is spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u64>,
    pub(crate) what: Effect,
}

impl Fault {
    /// The name of the rule, by which a [`crate::Call`] tells that it was struck.
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Whether it is about what STS fetches of issuers.
    pub(crate) fn is_of_issuer(&self) -> bool {
        self.when.is_of_issuer()
    }

    /// Reads a list of rules, a JSON array.
    ///
    /// # Errors
    /// [`InvalidFault`] names the first member that is wrong.
    pub fn list(json: &str) -> Result<Vec<Self>, InvalidFault> {
        read(json, "faults")
    }

    /// What each member is good for by itself may make no sense together.
    fn check(&self) -> Result<(), String> {
        let when = &self.when;
        if when.is_of_issuer() {
            let sensible = match &self.what {
                Effect::Latency(_) | Effect::Hang | Effect::Unreachable => true,
                Effect::Error(error) => error.code.is_none() && error.message.is_none(),
                _ => false,
            };
            if !sensible {
                return Err(
                    "`what` is not for an issuer: `latency`, `hang`, `unreachable` or `error` with \
                            nothing but a `status` is expected"
                        .to_owned(),
                );
            }
        }
        let about = |targets: &[Target]| match when.service {
            Some(service) => targets.contains(&service),
            None => !when.is_of_issuer() || targets.contains(&Target::Issuer),
        };
        if matches!(self.what, Effect::Expire(_)) && !about(&[Target::LayerBucket]) {
            return Err("`what` is not for this service: only URLs of `layerBucket` can `expire`".to_owned());
        }
        if when.repository.is_some() && !about(&[Target::Ecr, Target::Registry]) {
            return Err(
                "`when.repository` is never true: only calls of `ecr` and `registry` name a repository".to_owned(),
            );
        }
        if when.digest.is_some() && !about(&[Target::Ecr, Target::Registry, Target::LayerBucket]) {
            return Err(
                "`when.digest` is never true: only calls of `ecr`, `registry` and `layerBucket` name a digest"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(json: &str) -> Result<Self, InvalidFault> {
        read_object(json, "fault")
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fault = Self::deserialize(deserializer)?;
        fault.check().map_err(de::Error::custom)?;
        Ok(fault)
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

fn always() -> Probability {
    Probability::ALWAYS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_always(probability: &Probability) -> bool {
    *probability == Probability::ALWAYS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn refused(json: &str, expected: &str) {
        assert_eq!(json.parse::<Fault>().unwrap_err().to_string(), expected, "{json}");
    }

    fn with(what: &str) -> String {
        format!(r#"{{"id":"x","what":{what}}}"#)
    }

    #[test]
    fn what_is_read_is_written_again() {
        for json in [
            r#"{"id":"a","when":{},"what":"hang"}"#,
            r#"{"id":"a","when":{"service":"layerBucket","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"skip":1,"times":2,"what":{"expire":{"at":7}}}"#,
            r#"{"id":"a","when":{"account":"111122223333","repository":"team/*"},"probability":0.5,"what":{"error":{"status":503,"code":"X","message":"y z"}}}"#,
            r#"{"id":"a","when":{"service":"issuer"},"what":{"latency":{"min":1,"max":5}}}"#,
            r#"{"id":"a","when":{},"what":{"latency":{"millis":5}}}"#,
            r#"{"id":"a","when":{},"what":{"throttle":{"perSecond":0.5,"burst":3}}}"#,
            r#"{"id":"a","when":{},"what":{"flip":{"at":[1,5]}}}"#,
            r#"{"id":"a","when":{},"what":{"stall":{"at":1,"millis":5}}}"#,
        ] {
            let fault = json.parse::<Fault>().unwrap();
            assert_eq!(serde_json::to_string(&fault).unwrap(), json);
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        refused(
            r#"{"id":"a b","what":"hang"}"#,
            "fault.id: \"a b\" is not the name of a rule: 1 to 64 of letters, digits, `.`, `_` and `-` are expected",
        );
        refused(
            &with(r#"{"error":{"status":200}}"#),
            "fault.what.error.status: 200 is not the status of an error: 400 to 599 is expected",
        );
        refused(r#"{"id":"a""#, "fault: EOF while parsing an object at line 1 column 9");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (json, expected) in [
            (
                with(r#"{"latency":{"min":5,"max":1}}"#),
                "`min` 5 must not be above `max` 1",
            ),
            (
                with(r#"{"latency":{"millis":1,"max":1}}"#),
                "either `millis` alone is expected",
            ),
            (with(r#"{"latency":{"millis":3600001}}"#), "3600001 is too long"),
            (with(r#"{"throttle":{"perSecond":0}}"#), "0 is no rate"),
            (
                with(r#"{"throttle":{"perSecond":1,"burst":0}}"#),
                "expected a nonzero u32",
            ),
            (with(r#"{"flip":{"at":[]}}"#), "0 offsets are given"),
            (
                with(r#"{"flip":{"at":"x"}}"#),
                "an offset or a list of offsets is expected",
            ),
            (with(r#"{"reset":{"at":-1}}"#), "expected u64"),
            (with(r#"{"reset":{"at":1,"to":2}}"#), "unknown field `to`"),
            (with(r#""explode""#), "unknown variant `explode`"),
            (
                with(r#"{"error":{"status":500,"code":"a\nb"}}"#),
                "is not a line of text",
            ),
            (
                r#"{"id":"x","probability":1.5,"what":"hang"}"#.into(),
                "1.5 is no probability",
            ),
            (
                r#"{"id":"x","when":{"account":"1"},"what":"hang"}"#.into(),
                "12 digits are expected",
            ),
            (
                r#"{"id":"x","when":{"action":""},"what":"hang"}"#.into(),
                "is not a pattern",
            ),
            (
                r#"{"id":"x","when":{"service":"s3"},"what":"hang"}"#.into(),
                "unknown variant `s3`",
            ),
            (
                r#"{"id":"x","when":{"digest":"md5:1"},"what":"hang"}"#.into(),
                "fault.when.digest: ",
            ),
            (r#"{"id":"x"}"#.into(), "missing field `what`"),
            (r#"{"what":"hang"}"#.into(), "missing field `id`"),
            (r#"{"id":"x","what":"hang"} {}"#.into(), "trailing characters"),
            (
                r#"{"id":"x","when":{"service":"issuer"},"what":{"reset":{"at":1}}}"#.into(),
                "`what` is not for an issuer",
            ),
            (
                r#"{"id":"x","when":{"service":"issuer"},"what":{"error":{"status":500,"code":"X"}}}"#.into(),
                "`what` is not for an issuer",
            ),
            (
                r#"{"id":"x","when":{"service":"sts"},"what":{"expire":{"at":1}}}"#.into(),
                "only URLs of `layerBucket` can `expire`",
            ),
            (
                r#"{"id":"x","when":{"service":"layerBucket","repository":"a"},"what":"hang"}"#.into(),
                "`when.repository` is never true",
            ),
            (
                format!(
                    r#"{{"id":"x","when":{{"service":"iam","digest":"{}"}},"what":"hang"}}"#,
                    oci::Digest::of(b"x")
                ),
                "`when.digest` is never true",
            ),
        ] {
            let error = json.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    #[test]
    fn a_list_names_the_member_that_is_wrong() {
        let json = r#"[{"id":"a","what":"hang"},{"id":"b","what":{"reset":{"at":"x"}}}]"#;
        let error = Fault::list(json).unwrap_err().to_string();
        assert!(
            error.starts_with("faults[1].what.reset.at: invalid type: string \"x\", expected u64"),
            "{error}"
        );
    }

    /// JSON that is often almost a rule.
    fn almost_a_rule() -> impl Strategy<Value = String> {
        let word = || {
            prop_oneof![
                Just("id"),
                Just("when"),
                Just("what"),
                Just("probability"),
                Just("times"),
                Just("skip"),
                Just("service"),
                Just("action"),
                Just("issuer"),
                Just("sts"),
                Just("error"),
                Just("status"),
                Just("latency"),
                Just("millis"),
                Just("flip"),
                Just("at"),
                Just("hang"),
                Just("a\\nb\u{2028}"),
            ]
            .prop_map(str::to_owned)
        };
        let leaf = prop_oneof![
            word().prop_map(|word| format!("\"{word}\"")),
            any::<i64>().prop_map(|number| number.to_string()),
            (0_u16..600).prop_map(|number| number.to_string()),
            Just("null".to_owned()),
            Just("1e999".to_owned()),
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                prop::collection::vec((word(), inner.clone()), 0..6).prop_map(|members| {
                    let members = members.iter().map(|(name, value)| format!("\"{name}\":{value}"));
                    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
                }),
                prop::collection::vec(inner, 0..4).prop_map(|members| format!("[{}]", members.join(","))),
            ]
        })
    }

    fn is_one_line(error: &InvalidFault) -> bool {
        let text = error.to_string();
        !text.is_empty() && text.len() < 2000 && !text.contains(['\n', '\r', '\u{2028}', '\u{2029}'])
    }

    proptest! {
        #[test]
        fn any_text_is_a_rule_or_an_error_of_one_line(
            text in prop_oneof!["\\PC{0,80}", "(.|\n){0,80}", almost_a_rule()]
        ) {
            for result in [text.parse::<Fault>().map(|fault| vec![fault]), Fault::list(&text)] {
                match result {
                    Err(error) => prop_assert!(is_one_line(&error), "{error}"),
                    Ok(faults) => {
                        for fault in faults {
                            let again = serde_json::to_string(&fault).unwrap();
                            prop_assert_eq!(again.parse::<Fault>().unwrap(), fault);
                        }
                    }
                }
            }
        }

        #[test]
        fn a_rule_with_any_what_is_a_rule_or_an_error_of_one_line(what in almost_a_rule(), when in almost_a_rule()) {
            if let Err(error) = format!(r#"{{"id":"x","when":{when},"what":{what}}}"#).parse::<Fault>() {
                prop_assert!(is_one_line(&error), "{error}");
            }
        }
    }
}
