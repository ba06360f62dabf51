//! Listings by pages: `MaxItems`, `Marker`, `IsTruncated`.

use std::mem;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    query::{Fault, Pattern, Validation},
    xml::Element,
};

/// Which page of a listing is asked for.
pub(super) struct Pages<'p> {
    marker: Option<&'p str>,
    most: usize,
}

/// A page, and where the next begins if there is one.
pub(super) struct Page {
    items: Vec<Element>,
    next: Option<String>,
}

impl<'p> Pages<'p> {
    pub(super) fn read(check: &mut Validation<'p>) -> Self {
        let marker = check.optional("Marker", 1..=320, Pattern::MARKER);
        let most = check.number("MaxItems", 1..=1000).unwrap_or(100);
        Self {
            marker,
            most: usize::try_from(most).unwrap_or(1),
        }
    }

    /// Makes pages no longer than `most`: IAM may return fewer items than were asked for.
    pub(super) fn at_most(&self, most: usize) -> Self {
        Self {
            most: self.most.min(most),
            ..*self
        }
    }

    /// The page out of all items, which come in the order of their keys. The marker is the last key that was seen, so an
    /// item that goes between two pages takes none of its neighbours with it.
    pub(super) fn cut<T>(
        &self,
        items: impl IntoIterator<Item = (String, T)>,
        mut show: impl FnMut(T) -> Element,
    ) -> Result<Page, Fault> {
        let after = self.marker.map(read_marker).transpose()?;
        let mut items = items
            .into_iter()
            .skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after));
        let mut shown = Vec::new();
        let mut last = None;
        for (key, item) in items.by_ref().take(self.most) {
            shown.push(show(item));
            last = Some(key);
        }
        let next = last.filter(|_| items.next().is_some());
        Ok(Page {
            items: shown,
            next: next.map(|key| URL_SAFE_NO_PAD.encode(key)),
        })
    }
}

impl Page {
    /// Puts the page into the answer.
    pub(super) fn write(mut self, result: Element, list: &'static str) -> Element {
        let items = mem::take(&mut self.items);
        self.write_position(result.child(Element::new(list).children(items)))
    }

    /// Puts into the answer whether more pages follow, for items that stand in several lists.
    pub(super) fn write_position(self, result: Element) -> Element {
        result
            .child(Element::text("IsTruncated", self.next.is_some().to_string()))
            .maybe(self.next.map(|next| Element::text("Marker", next)))
    }
}

fn read_marker(marker: &str) -> Result<String, Fault> {
    URL_SAFE_NO_PAD
        .decode(marker)
        .ok()
        .and_then(|key| String::from_utf8(key).ok())
        .ok_or_else(|| Fault::validation("Invalid Marker"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Params;
    use proptest::prelude::*;

    fn pages(params: &Params) -> Pages<'_> {
        Pages::read(&mut Validation::discreet(params))
    }

    proptest! {
        /// Whatever the length of pages, together they are the whole.
        #[test]
        fn pages_put_together_are_the_listing(count in 0usize..40, most in 1usize..50) {
            let items = (0..count).map(|number| (format!("{number:04}"), number)).collect::<Vec<_>>();
            let (mut seen, mut marker) = (Vec::new(), None::<String>);
            loop {
                let marked = marker.map_or(String::new(), |marker| format!("&Marker={marker}"));
                let params = Params::parse(None, format!("MaxItems={most}{marked}").as_bytes());
                let mut part = Vec::new();
                let page = pages(&params).cut(items.clone(), |number| {
                    part.push(number);
                    Element::text("member", number.to_string())
                });
                let page = page.unwrap();
                prop_assert!(part.len() <= most);
                seen.extend(part);
                marker = page.next;
                if marker.is_none() {
                    break;
                }
            }
            prop_assert_eq!(seen, (0..count).collect::<Vec<_>>());
        }

        #[test]
        fn no_marker_panics(marker in "[ -~]{1,20}") {
            let _ = read_marker(&marker);
        }
    }
}
