use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) limit: usize,
    /// The key of the last item that the client has seen.
    pub(crate) after: Option<String>,
}

/// Some of a list, and the cursor for the rest where there is one.
pub(crate) struct Part<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

impl Page {
    /// Takes the page out of items that come in the order of their keys.
    pub(crate) fn of<T>(&self, items: impl Iterator<Item = (String, T)>) -> Part<T> {
        let after = self.after.as_deref();
        let behind = items.filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        let mut found = behind.take(self.limit + 1).collect::<Vec<_>>();
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let next = found
            .last()
            .filter(|_| more)
            .map(|(key, _)| URL_SAFE_NO_PAD.encode(key));
        Part {
            items: found.into_iter().map(|(_, item)| item).collect(),
            next,
        }
    }
}

/// The key in a cursor; none where it is not a cursor.
pub(crate) fn read_cursor(cursor: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cursor_leads_on() {
        let items = || ["a", "b", "c"].into_iter().map(|key| (key.to_owned(), key));
        let mut page = Page { limit: 2, after: None };
        let first = page.of(items());
        assert_eq!(first.items, ["a", "b"]);
        page.after = read_cursor(&first.next.unwrap());
        let second = page.of(items());
        assert_eq!((second.items, second.next), (vec!["c"], None));
        page.limit = 1;
        assert_eq!(page.of(items()).next, None);
    }

    proptest! {
        #[test]
        fn no_cursor_panics(cursor in "\\PC{0,30}") {
            let _ = read_cursor(&cursor);
        }
    }
}
