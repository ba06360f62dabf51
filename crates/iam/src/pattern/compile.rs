use super::{Pattern, Token};

/// Which signs of a pattern have a meaning where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// `*` and `?`
    pub(crate) wildcards: bool,
    /// `${key}`, `${key, 'default'}`, `${*}`, `${?}`, `${$}`: only in version 2012-10-17.
    pub(crate) variables: bool,
}

impl Pattern {
    pub(crate) fn compile(text: &str, dialect: Dialect) -> Pattern {
        let mut tokens = Tokens::default();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if dialect.variables
                && let Some((token, length)) = variable(rest)
            {
                tokens.push(token);
                rest = &rest[length..];
                continue;
            }
            rest = &rest[c.len_utf8()..];
            match c {
                '*' if dialect.wildcards => {
                    tokens.push(Token::Run {
                        ends_segment: rest.is_empty() || rest.starts_with(':'),
                    });
                }
                '?' if dialect.wildcards => tokens.push(Token::One),
                _ => tokens.literal.push(c),
            }
        }
        tokens.flush();
        let has_variables = tokens.done.iter().any(|token| matches!(token, Token::Variable { .. }));
        Pattern {
            text: text.into(),
            tokens: tokens.done.into(),
            has_variables,
        }
    }
}

#[derive(Default)]
struct Tokens {
    done: Vec<Token>,
    literal: String,
}

impl Tokens {
    fn push(&mut self, token: Token) {
        if let Token::Text(text) = token {
            self.literal.push_str(&text);
            return;
        }
        self.flush();
        match (self.done.last_mut(), token) {
            // `**` is one run; it ends its segment if its last star does.
            (Some(Token::Run { ends_segment: last }), Token::Run { ends_segment }) => *last = ends_segment,
            (_, token) => self.done.push(token),
        }
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.done.push(Token::Text(std::mem::take(&mut self.literal).into()));
        }
    }
}

/// The variable or escaped sign at the beginning of the text, and its length. What is not of the form of a variable is
/// plain text.
fn variable(text: &str) -> Option<(Token, usize)> {
    let inside = text.strip_prefix("${")?;
    let (inside, _) = inside.split_once('}')?;
    let length = "${}".len() + inside.len();
    if let "*" | "?" | "$" = inside {
        return Some((Token::Text(inside.into()), length));
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => {
            let default = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            (key.trim(), Some(default.into()))
        }
        None => (inside.trim(), None),
    };
    if key.is_empty() || key.contains(['*', '?', '$', '{', '\'']) {
        return None;
    }
    Some((
        Token::Variable {
            key: key.to_lowercase().into(),
            default,
        },
        length,
    ))
}
