use std::collections::BTreeSet;

use serde::{Deserialize, Serialize, de::IgnoredAny};

/// A lifecycle policy, as it was written. Its rules are checked and not carried out: images do not expire here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LifecyclePolicy(String);

/// Text that is not a lifecycle policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Lifecycle policy validation failure: {0}")]
pub(crate) struct InvalidLifecyclePolicy(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    rules: Vec<Rule>,
}

/// ECR user guide, "Lifecycle policy properties in Amazon ECR".
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    rule_priority: u32,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    selection: Selection,
    action: Action,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Selection {
    tag_status: TagStatus,
    #[serde(default, deserialize_with = "present")]
    tag_pattern_list: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    tag_prefix_list: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    storage_class: Option<StorageClass>,
    count_type: CountType,
    #[serde(default, deserialize_with = "present")]
    count_unit: Option<CountUnit>,
    count_number: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Action {
    #[serde(rename = "type")]
    kind: ActionKind,
    #[serde(default, deserialize_with = "present")]
    target_storage_class: Option<StorageClass>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TagStatus {
    Tagged,
    Untagged,
    Any,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum CountType {
    ImageCountMoreThan,
    SinceImagePushed,
    SinceImagePulled,
    SinceImageTransitioned,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CountUnit {
    Days,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StorageClass {
    Standard,
    Archive,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ActionKind {
    Expire,
    Transition,
}

const MAX_WILDCARDS: usize = 4;

impl LifecyclePolicy {
    /// Reads a policy by the grammar of the user guide.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidLifecyclePolicy> {
        let invalid = |reason: String| InvalidLifecyclePolicy(reason);
        if serde_json::from_str::<IgnoredAny>(text).is_err() {
            return Err(invalid("Could not map policyString into LifecyclePolicy.".to_owned()));
        }
        let document = serde_json::from_str::<Document>(text).map_err(|error| invalid(error.to_string()))?;
        document.check().map_err(invalid)?;
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Document {
    fn check(&self) -> Result<(), String> {
        let mut priorities = BTreeSet::new();
        for rule in &self.rules {
            if !priorities.insert(rule.rule_priority) {
                return Err("rulePriority must be unique".to_owned());
            }
            rule.check()?;
        }
        let highest = priorities.last();
        let misplaced = self
            .rules
            .iter()
            .any(|rule| rule.selection.tag_status == TagStatus::Any && Some(&rule.rule_priority) != highest);
        if misplaced {
            return Err("a rule with a tagStatus of any must have the highest rulePriority".to_owned());
        }
        Ok(())
    }
}

impl Rule {
    fn check(&self) -> Result<(), String> {
        for (name, number) in [
            ("rulePriority", self.rule_priority),
            ("countNumber", self.selection.count_number),
        ] {
            if number == 0 {
                return Err(format!(
                    "numeric instance is lower than the required minimum (minimum: 1, found: 0) at {name}"
                ));
            }
        }
        self.selection.check_tags()?;
        // AWS was seen to say just this where a combination of properties is not one of its schemas.
        if self.selection.is_consistent() && self.action.is_consistent() {
            Ok(())
        } else {
            Err("instance failed to match exactly one schema (matched 0 out of 4)".to_owned())
        }
    }
}

impl Selection {
    fn check_tags(&self) -> Result<(), String> {
        let lists = [&self.tag_pattern_list, &self.tag_prefix_list];
        let given = lists.into_iter().flatten().collect::<Vec<_>>();
        match (self.tag_status, &given[..]) {
            (TagStatus::Tagged, [list]) if list.is_empty() || list.iter().any(String::is_empty) => {
                Err("the list of tags must name some".to_owned())
            }
            (TagStatus::Tagged, [_]) => Ok(()),
            (TagStatus::Tagged, _) => {
                Err("a tagStatus of tagged needs one of tagPrefixList and tagPatternList".to_owned())
            }
            (_, []) => Ok(()),
            _ => Err("tagPrefixList and tagPatternList need a tagStatus of tagged".to_owned()),
        }?;
        let mut patterns = self.tag_pattern_list.iter().flatten();
        if patterns.any(|pattern| pattern.matches('*').count() > MAX_WILDCARDS) {
            return Err(format!("a tag pattern has at most {MAX_WILDCARDS} wildcards"));
        }
        Ok(())
    }

    fn is_consistent(&self) -> bool {
        let unit = match self.count_type {
            CountType::ImageCountMoreThan => self.count_unit.is_none(),
            _ => self.count_unit == Some(CountUnit::Days),
        };
        let class = match self.count_type {
            CountType::SinceImageTransitioned => self.storage_class == Some(StorageClass::Archive),
            _ => self.storage_class != Some(StorageClass::Archive),
        };
        unit && class
    }
}

impl Action {
    fn is_consistent(&self) -> bool {
        match self.kind {
            ActionKind::Expire => self.target_storage_class.is_none(),
            ActionKind::Transition => self.target_storage_class == Some(StorageClass::Archive),
        }
    }
}

/// A property may be left out, but `null` is no value of it.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn rule(priority: u32, selection: Value) -> Value {
        json!({"rulePriority": priority, "selection": selection, "action": {"type": "expire"}})
    }

    fn parse(rules: &[Value]) -> Result<LifecyclePolicy, InvalidLifecyclePolicy> {
        LifecyclePolicy::parse(&json!({ "rules": rules }).to_string())
    }

    fn any() -> Value {
        json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5})
    }

    #[test]
    fn the_policies_of_the_user_guide_are_taken() {
        let pushed =
            json!({"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14});
        let tagged = json!({"tagStatus": "tagged", "tagPatternList": ["prod*"], "countType": "imageCountMoreThan", "countNumber": 1});
        assert!(parse(&[rule(1, pushed), rule(2, tagged), rule(3, any())]).is_ok());
        let archive = json!({
            "rulePriority": 1,
            "selection": {"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 90},
            "action": {"type": "transition", "targetStorageClass": "archive"},
        });
        assert!(parse(&[archive]).is_ok());
    }

    #[test]
    fn other_texts_are_refused_with_a_reason() {
        let mut with_null = any();
        with_null["countUnit"] = Value::Null;
        let mut with_unit = any();
        with_unit["countUnit"] = json!("days");
        let mut zero = any();
        zero["countNumber"] = json!(0);
        let tagged = json!({"tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": 1});
        let mut wild = tagged.clone();
        wild["tagPatternList"] = json!(["*a*b*c*d*"]);
        let mut untagged = any();
        untagged["tagPrefixList"] = json!(["a"]);
        for (rules, reason) in [
            (vec![rule(1, any()), rule(2, any())], "highest"),
            (vec![rule(1, any()), rule(1, any())], "unique"),
            (vec![rule(0, any())], "minimum"),
            (vec![rule(1, zero)], "minimum"),
            (vec![rule(1, with_null)], "expected value"),
            (vec![rule(1, with_unit)], "matched 0 out of 4"),
            (vec![rule(1, tagged)], "tagPrefixList"),
            (vec![rule(1, wild)], "wildcards"),
            (vec![rule(1, untagged)], "tagStatus"),
            (vec![json!({"rulePriority": 1})], "missing field"),
        ] {
            let error = parse(&rules).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(
            LifecyclePolicy::parse("{")
                .unwrap_err()
                .to_string()
                .contains("Could not map")
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = LifecyclePolicy::parse(&text);
        }
    }
}
