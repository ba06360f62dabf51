use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// One way to log in that an answer with status 401 offers (RFC 9110 §11.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// The scheme in lower case, such as `basic` or `bearer`.
    scheme: String,
    /// Parameter names in lower case with their values, in the order of the header.
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Every challenge of an answer, as far as they can be read.
    pub(crate) fn all(headers: &HeaderMap) -> Vec<Self> {
        headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(Self::parse)
            .collect()
    }

    /// Reads one header, which may hold several challenges. Reading ends where the grammar does.
    fn parse(header: &str) -> Vec<Self> {
        let mut rest = Rest(header);
        let mut challenges = Vec::<Self>::new();
        loop {
            rest.skip_separators();
            let Some(word) = rest.token() else {
                return challenges;
            };
            rest.skip_spaces();
            // `word =` is a parameter of the challenge before; any other word begins a challenge.
            if rest.take('=') {
                rest.skip_spaces();
                let Some((challenge, value)) = challenges.last_mut().zip(rest.value()) else {
                    return challenges;
                };
                challenge.parameters.push((word.to_ascii_lowercase(), value));
            } else {
                challenges.push(Self {
                    scheme: word.to_ascii_lowercase(),
                    parameters: Vec::new(),
                });
            }
        }
    }

    pub(crate) fn is_bearer(&self) -> bool {
        self.scheme == "bearer"
    }

    /// The value of a parameter; the first where it is repeated.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What of a header is still to be read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip_spaces(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn skip_separators(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', ',']);
    }

    fn take(&mut self, expected: char) -> bool {
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A token of RFC 9110 §5.6.2.
    fn token(&mut self) -> Option<&'a str> {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = self.0.find(|c| !is_token(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    /// A token or a quoted string.
    fn value(&mut self) -> Option<String> {
        if !self.take('"') {
            return self.token().map(str::to_owned);
        }
        let mut value = String::new();
        let mut characters = self.0.char_indices();
        while let Some((position, character)) = characters.next() {
            match character {
                '"' => {
                    self.0 = &self.0[position + 1..];
                    return Some(value);
                }
                '\\' => value.push(characters.next()?.1),
                other => value.push(other),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(header: &str) -> Vec<String> {
        let show = |challenge: Challenge| {
            let parameters: Vec<_> = challenge.parameters.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("{} {}", challenge.scheme, parameters.join("|"))
        };
        Challenge::parse(header).into_iter().map(show).collect()
    }

    #[test]
    fn challenges_of_known_registries_are_read() {
        let bearer = r#"Bearer realm="https://auth.test/token",service="r.test",scope="repository:a/b:pull,push""#;
        assert_eq!(
            shown(bearer),
            ["bearer realm=https://auth.test/token|service=r.test|scope=repository:a/b:pull,push"]
        );
        let ecr = r#"Basic realm="https://1.dkr.ecr.us-east-1.amazonaws.com/",service="ecr.amazonaws.com""#;
        assert_eq!(
            shown(ecr),
            ["basic realm=https://1.dkr.ecr.us-east-1.amazonaws.com/|service=ecr.amazonaws.com"]
        );
    }

    #[test]
    fn the_grammar_is_read_in_full() {
        for (header, expected) in [
            ("", vec![]),
            ("Negotiate", vec!["negotiate "]),
            (
                "Basic realm=x, Bearer Realm = \"y\"",
                vec!["basic realm=x", "bearer realm=y"],
            ),
            ("Negotiate, Bearer realm=y", vec!["negotiate ", "bearer realm=y"]),
            (r#"Basic realm="a\"b\\c, d""#, vec![r#"basic realm=a"b\c, d"#]),
            ("Basic realm=\"open", vec!["basic "]),
            ("realm=x", vec![]),
            (", ,Basic", vec!["basic "]),
        ] {
            assert_eq!(shown(header), expected, "{header}");
        }
    }

    #[test]
    fn several_headers_count_together() {
        let mut headers = HeaderMap::new();
        headers.append(WWW_AUTHENTICATE, "Basic realm=x".parse().unwrap());
        headers.append(WWW_AUTHENTICATE, "Bearer realm=y,realm=z".parse().unwrap());
        let challenges = Challenge::all(&headers);
        let bearer = challenges.iter().find(|challenge| challenge.is_bearer()).unwrap();
        assert_eq!(bearer.parameter("realm"), Some("y"));
        assert_eq!(bearer.parameter("scope"), None);
        assert_eq!(challenges.len(), 2);
    }

    proptest! {
        #[test]
        fn no_header_panics(header in "([A-Za-z]{1,3}[ =,\"\\\\]{0,3}){0,12}|\\PC{0,60}") {
            let _ = Challenge::parse(&header);
        }
    }
}
