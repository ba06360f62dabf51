use reqwest::Url;

/// Foreign text on one line: line breaks and tabs become spaces, other control characters and the characters that
/// reorder text are left out, so that what a server says can neither move the cursor nor pass for a line of ours.
pub(crate) fn printable(text: &str) -> String {
    let is_reordering =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.trim()
        .chars()
        .map(|c| {
            if matches!(c, '\n' | '\t' | '\u{2028}' | '\u{2029}') {
                ' '
            } else {
                c
            }
        })
        .filter(|c| !c.is_control() && !is_reordering(*c))
        .collect()
}

/// A URL as it may be shown: without the query, which in a presigned URL is the credential.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_presigned_url_is_shown_without_its_signature() {
        let url = Url::parse("https://s3.test/a/b?X-Amz-Signature=hunter2#x").unwrap();
        assert_eq!(shown(&url), "https://s3.test/a/b");
    }

    #[test]
    fn text_keeps_its_words_and_loses_its_controls() {
        assert_eq!(printable(" a\nb\r\tc\u{1b}[0m ü\u{202e} "), "a b c[0m ü");
    }
}
