//! Texts that go to terminals and into shells, with parts that came from elsewhere.

/// One line of at most `limit` characters: white space as single spaces, without control characters.
pub(crate) fn line(text: &str, limit: usize) -> String {
    // What is beyond the limit by far need not be looked at.
    let window: String = text.chars().take(4 * limit).filter(|c| !is_hidden(*c)).collect();
    let words: Vec<_> = window.split_whitespace().collect();
    shortened(&words.join(" "), limit)
}

/// Several lines without any other control characters.
pub(crate) fn block(text: &str) -> String {
    let is_kept = |c: &char| *c == '\n' || !(c.is_control() || is_hidden(*c));
    text.chars().filter(is_kept).collect()
}

/// The beginning of a text that has more than `limit` characters.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(limit.saturating_sub(1)).collect();
    beginning + "…"
}

/// As an argument of a shell's command, in which nothing has a meaning.
pub(crate) fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-+=./:@%,".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

/// What a terminal obeys rather than shows, the marks that turn the direction of text among it. White space is shown.
fn is_hidden(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_mean_nothing_to_a_shell() {
        assert_eq!(quoted("https://issuer.example.com/a"), "https://issuer.example.com/a");
        assert_eq!(quoted("a; rm -rf $(x)"), "'a; rm -rf $(x)'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_line_is_one_and_has_its_limit() {
        assert_eq!(line(" a\r\n\tb\u{1b}[0m\u{85}c ", 100), "a b[0m c");
        assert_eq!(line("abcdef", 4), "abc…");
        assert_eq!(block("{\r\n  \u{7}}\u{202e}"), "{\r\n  }".replace('\r', ""));
    }
}
