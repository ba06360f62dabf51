use super::{Reading, Token};

/// Lays tokens with wildcards against a text.
///
/// A token that is no wildcard and that `resolve` gives no text for matches anything.
///
/// Greedy, with two places to come back to: the last `*` that may match anything, and the last one after it that may
/// not cross a colon. Between two colons that are matched literally the shortest match of each `*` is as good as any
/// other, so earlier places need not be kept, and there is no exponential case.
pub(super) fn matches<'a>(
    tokens: &'a [Token],
    text: &str,
    reading: Reading,
    resolve: &impl Fn(&'a Token) -> Option<&'a str>,
) -> bool {
    // From here on colons belong to the resource's own name and are as good as any other sign.
    let resource_at = match reading {
        Reading::Plain | Reading::AnyCase => 0,
        Reading::Arn | Reading::Resource => text.match_indices(':').nth(4).map_or(usize::MAX, |(at, _)| at + 1),
    };
    let mut walk = Walk {
        text,
        resource_at,
        token: 0,
        at: 0,
        free: None,
        bound: None,
    };
    loop {
        let advanced = match tokens.get(walk.token) {
            None if walk.at == text.len() => return true,
            None => None,
            Some(Token::One) => walk.crossable(walk.at),
            Some(Token::Run { ends_segment }) => {
                if walk.at >= resource_at || (*ends_segment && reading == Reading::Resource) {
                    if walk.token + 1 == tokens.len() {
                        return true;
                    }
                    walk.remember_free();
                } else {
                    walk.bound = Some(Place {
                        token: walk.token + 1,
                        at: walk.at,
                    });
                }
                Some(0)
            }
            Some(token @ (Token::Text(_) | Token::Variable { .. })) => match resolve(token) {
                Some(literal) => text[walk.at..].starts_with(literal).then_some(literal.len()),
                None => {
                    walk.remember_free();
                    Some(0)
                }
            },
        };
        match advanced {
            Some(length) => {
                walk.token += 1;
                walk.at += length;
            }
            None if walk.retreat() => {}
            None => return false,
        }
    }
}

/// The token behind a wildcard, and where in the text the wildcard's match ends so far.
#[derive(Clone, Copy)]
struct Place {
    token: usize,
    at: usize,
}

struct Walk<'t> {
    text: &'t str,
    resource_at: usize,
    token: usize,
    at: usize,
    free: Option<Place>,
    bound: Option<Place>,
}

impl Walk<'_> {
    /// The length of the sign at a place.
    fn sign(&self, at: usize) -> Option<usize> {
        self.text[at..].chars().next().map(char::len_utf8)
    }

    /// The length of the sign at a place, if a wildcard that stays within its part of an ARN may match it.
    fn crossable(&self, at: usize) -> Option<usize> {
        self.sign(at)
            .filter(|_| at >= self.resource_at || self.text.as_bytes()[at] != b':')
    }

    fn remember_free(&mut self) {
        self.free = Some(Place {
            token: self.token + 1,
            at: self.at,
        });
        self.bound = None;
    }

    /// Goes back to the last wildcard and lets it match one sign more; false where there is none that can.
    fn retreat(&mut self) -> bool {
        if let Some(place) = self.bound
            && let Some(length) = self.crossable(place.at)
        {
            let place = Place {
                at: place.at + length,
                ..place
            };
            self.bound = Some(place);
            (self.token, self.at) = (place.token, place.at);
            return true;
        }
        self.bound = None;
        let Some(place) = self.free else { return false };
        let Some(length) = self.sign(place.at) else {
            return false;
        };
        let place = Place {
            at: place.at + length,
            ..place
        };
        self.free = Some(place);
        (self.token, self.at) = (place.token, place.at);
        true
    }
}
