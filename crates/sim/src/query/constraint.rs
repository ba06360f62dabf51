use std::ops::RangeInclusive;

use super::{Fault, Form, Params, Pattern};

/// Checks parameters against the constraints of the service model and gathers what they break, because AWS names all
/// of it in one message.
pub(crate) struct Validation<'p> {
    params: &'p Params,
    /// Members and what is wrong with them.
    broken: Vec<(String, String)>,
    /// What breaks a rule that has a sentence of its own.
    refusal: Option<String>,
    shows_values: bool,
}

impl<'p> Validation<'p> {
    /// Messages show the values that break a constraint, as those of STS do.
    pub(crate) fn of(params: &'p Params) -> Self {
        Self {
            params,
            broken: Vec::new(),
            refusal: None,
            shows_values: true,
        }
    }

    /// Messages keep the values to themselves and name the members in the order of the alphabet, as IAM was seen to
    /// write them in 2026.
    pub(crate) fn discreet(params: &'p Params) -> Self {
        Self {
            shows_values: false,
            ..Self::of(params)
        }
    }

    /// A parameter that must be there; an empty text where it breaks a constraint.
    pub(crate) fn required(&mut self, name: &str, length: RangeInclusive<usize>, pattern: Pattern) -> &'p str {
        if self.params.text(name).is_none() {
            self.missing(&member(name));
            return "";
        }
        self.optional(name, length, pattern).unwrap_or_default()
    }

    /// A parameter that may be absent.
    pub(crate) fn optional(&mut self, name: &str, length: RangeInclusive<usize>, pattern: Pattern) -> Option<&'p str> {
        let value = self.params.text(name)?;
        self.check(&member(name), value, length, pattern);
        Some(value)
    }

    /// A parameter of a certain form that must be there.
    pub(crate) fn required_form(&mut self, name: &str, form: Form) -> &'p str {
        if self.params.text(name).is_none() {
            self.missing(&member(name));
        }
        self.optional_form(name, form).unwrap_or_default()
    }

    /// A parameter of a certain form that may be absent.
    pub(crate) fn optional_form(&mut self, name: &str, form: Form) -> Option<&'p str> {
        let value = self.params.text(name)?;
        if !(form.matches)(value) {
            let rule = format!("Member must satisfy regular expression pattern: {}", form.shown);
            self.broke(&member(name), Some(value), rule);
        }
        Some(value)
    }

    /// A whole number that may be absent.
    pub(crate) fn number(&mut self, name: &str, bounds: RangeInclusive<i64>) -> Option<i64> {
        let text = self.params.text(name)?;
        let Ok(number) = text.parse::<i64>() else {
            self.broke(&member(name), Some(text), "Member must be an integer");
            return None;
        };
        let bound = if number < *bounds.start() {
            format!("greater than or equal to {}", bounds.start())
        } else if number > *bounds.end() {
            format!("less than or equal to {}", bounds.end())
        } else {
            return Some(number);
        };
        self.broke(&member(name), Some(text), format!("Member must have value {bound}"));
        None
    }

    /// `true` or `false`; a parameter that may be absent.
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        let text = self.params.text(name)?;
        let flag = match text {
            text if text.eq_ignore_ascii_case("true") => Some(true),
            text if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        };
        if flag.is_none() {
            self.broke(&member(name), Some(text), "Member must be a boolean");
        }
        flag
    }

    /// One of several words; a parameter that may be absent.
    pub(crate) fn choice(&mut self, name: &str, choices: &[&str]) -> Option<&'p str> {
        let text = self.params.text(name)?;
        self.check_choice(&member(name), text, choices).then_some(text)
    }

    /// Whether a value that is no parameter of its own is one of several words.
    pub(crate) fn check_choice(&mut self, member: &str, value: &str, choices: &[&str]) -> bool {
        let is_one = choices.contains(&value);
        if !is_one {
            let choices = choices.join(", ");
            let rule = format!("Member must satisfy enum value set: [{choices}]");
            self.broke(member, Some(value), rule);
        }
        is_one
    }

    /// The members of a list, which are texts. What is wrong with any of them is said of the list.
    pub(crate) fn list(
        &mut self,
        name: &str,
        most: usize,
        length: RangeInclusive<usize>,
        pattern: Pattern,
    ) -> Vec<&'p str> {
        let members = self.params.list(name);
        if members.len() > most {
            self.too_many(&member(name), most);
        }
        let is_good = |text: &&str| length.contains(&text.chars().count()) && pattern.matches(text);
        if !members.iter().all(is_good) {
            let mut rules = format!(
                "Member must have length less than or equal to {}, Member must have length greater than or equal to {}",
                length.end(),
                length.start()
            );
            if !pattern.shown.is_empty() {
                rules += &format!(
                    ", Member must satisfy regular expression pattern: {}, Member must not be null",
                    pattern.shown
                );
            }
            self.broke(
                &member(name),
                None,
                format!("Member must satisfy constraint: [{rules}]"),
            );
        }
        members
    }

    /// A list that must be there, be it empty.
    pub(crate) fn required_list(
        &mut self,
        name: &str,
        most: usize,
        length: RangeInclusive<usize>,
        pattern: Pattern,
    ) -> Vec<&'p str> {
        self.present(name);
        self.list(name, most, length, pattern)
    }

    /// Notes where a list is not there at all. An empty one is sent as an empty text.
    pub(crate) fn present(&mut self, name: &str) {
        if self.params.text(name).is_none() && !self.params.any_below(&format!("{name}.")) {
            self.missing(&member(name));
        }
    }

    /// Checks a value that is no parameter of its own, such as a member of a list.
    pub(crate) fn check(&mut self, member: &str, value: &str, length: RangeInclusive<usize>, pattern: Pattern) {
        // A token would be a secret in a message, and AWS leaves such values out as well.
        let value_shown = (member != "webIdentityToken").then_some(value);
        let count = value.chars().count();
        if count > *length.end() {
            let rule = format!("Member must have length less than or equal to {}", length.end());
            self.broke(member, value_shown, rule);
        }
        if count < *length.start() {
            let rule = format!("Member must have length greater than or equal to {}", length.start());
            self.broke(member, value_shown, rule);
        }
        if !pattern.matches(value) {
            let rule = format!("Member must satisfy regular expression pattern: {}", pattern.shown);
            self.broke(member, value_shown, rule);
        }
    }

    /// Notes that something that must be there is not.
    pub(crate) fn missing(&mut self, member: &str) {
        let value = if self.shows_values { " null" } else { "" };
        self.note(member, value, "Member must not be null");
    }

    /// Notes that a list has more members than it may have.
    pub(crate) fn too_many(&mut self, member: &str, most: usize) {
        let rule = format!("Member must have length less than or equal to {most}");
        self.broke(member, None, rule);
    }

    /// Notes that a rule is broken that has a sentence of its own. It is told only where all constraints are kept to.
    pub(crate) fn refuse(&mut self, sentence: String) {
        self.refusal.get_or_insert(sentence);
    }

    /// The verdict.
    pub(crate) fn finish(mut self) -> Result<(), Fault> {
        let count = self.broken.len();
        if count == 0 {
            return self.refusal.map_or(Ok(()), |sentence| Err(Fault::validation(sentence)));
        }
        if !self.shows_values {
            self.broken.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        let plural = if count == 1 { "" } else { "s" };
        let broken = self.broken.into_iter().map(|(_, broken)| broken).collect::<Vec<_>>();
        let broken = broken.join("; ");
        Err(Fault::validation(format!(
            "{count} validation error{plural} detected: {broken}"
        )))
    }

    fn broke(&mut self, member: &str, value: Option<&str>, rule: impl AsRef<str>) {
        let value = match value {
            Some(value) if self.shows_values => format!(" '{}'", shown(value)),
            _ => String::new(),
        };
        self.note(member, &value, rule.as_ref());
    }

    fn note(&mut self, member: &str, value: &str, rule: &str) {
        let broken = format!("Value{value} at '{member}' failed to satisfy constraint: {rule}");
        self.broken.push((member.to_owned(), broken));
    }
}

/// `RoleArn` is the parameter, `roleArn` the member of the model that messages name.
fn member(parameter: &str) -> String {
    let mut chars = parameter.chars();
    chars
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(chars)
        .collect()
}

fn shown(value: &str) -> String {
    value.chars().take(256).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_broken_constraints_stand_in_one_message() {
        let params = Params::parse(None, b"RoleSessionName=a/&DurationSeconds=899&WebIdentityToken=abc");
        let mut check = Validation::of(&params);
        check.required("RoleArn", 20..=2048, Pattern::ANY);
        check.required("RoleSessionName", 2..=64, Pattern::SESSION_NAME);
        check.number("DurationSeconds", 900..=43200);
        check.required("WebIdentityToken", 4..=20000, Pattern::ANY);
        let fault = check.finish().unwrap_err();
        assert_eq!(fault.code, "ValidationError");
        assert_eq!(
            fault.message,
            "4 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null; \
             Value 'a/' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*; \
             Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900; \
             Value at 'webIdentityToken' failed to satisfy constraint: Member must have length greater than or equal to 4"
        );
    }

    #[test]
    fn what_keeps_to_the_model_passes() {
        let params = Params::parse(
            None,
            b"RoleSessionName=a.b%40c&DurationSeconds=900&L=&Status=Active&Flag=true",
        );
        let mut check = Validation::of(&params);
        assert_eq!(
            check.required("RoleSessionName", 2..=64, Pattern::SESSION_NAME),
            "a.b@c"
        );
        assert_eq!(check.number("DurationSeconds", 900..=43200), Some(900));
        assert_eq!(check.optional("Policy", 1..=2048, Pattern::DOCUMENT), None);
        assert!(check.required_list("L", 50, 1..=128, Pattern::TAG_KEY).is_empty());
        assert_eq!(check.choice("Status", &["Active", "Inactive"]), Some("Active"));
        assert_eq!(check.flag("Flag"), Some(true));
        assert_eq!(check.finish(), Ok(()));
    }

    /// The sentences are those that IAM was seen to write.
    #[test]
    fn iam_names_members_in_the_order_of_the_alphabet_and_keeps_their_values() {
        let params = Params::parse(
            None,
            b"Url=abc&ThumbprintList.member.1=0&ClientIDList.member.1=&Status=Off&Flag=1",
        );
        let mut check = Validation::discreet(&params);
        check.required("Url", 1..=2, Pattern::ANY);
        check.list("ClientIDList", 100, 1..=255, Pattern::ANY);
        check.list("ThumbprintList", 5, 40..=40, Pattern::ANY);
        assert_eq!(
            check.finish().unwrap_err().message,
            "3 validation errors detected: Value at 'clientIDList' failed to satisfy constraint: Member must satisfy \
             constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal \
             to 1]; Value at 'thumbprintList' failed to satisfy constraint: Member must satisfy constraint: [Member must \
             have length less than or equal to 40, Member must have length greater than or equal to 40]; Value at 'url' \
             failed to satisfy constraint: Member must have length less than or equal to 2"
        );
        let mut check = Validation::discreet(&params);
        assert_eq!(check.choice("Status", &["Active", "Inactive"]), None);
        assert_eq!(check.flag("Flag"), None);
        check.required_list("TagKeys", 50, 1..=128, Pattern::TAG_KEY);
        assert_eq!(
            check.finish().unwrap_err().message,
            "3 validation errors detected: Value at 'flag' failed to satisfy constraint: Member must be a boolean; Value at \
             'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]; Value at \
             'tagKeys' failed to satisfy constraint: Member must not be null"
        );
    }
}
