use std::borrow::Cow;

use quick_xml::escape::escape;

/// An element of an XML answer. Prints indented by two spaces, as the Query services write it.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    name: Cow<'static, str>,
    namespace: Option<&'static str>,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Text(String),
    Children(Vec<Element>),
}

impl Element {
    /// An element that holds elements.
    pub(crate) fn new(name: &'static str) -> Self {
        Self::named(name)
    }

    /// An element that holds elements and whose name is made from an action's.
    pub(crate) fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            namespace: None,
            content: Content::Children(Vec::new()),
        }
    }

    /// An element that holds text.
    pub(crate) fn text(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            namespace: None,
            content: Content::Text(text.into()),
        }
    }

    /// Sets the default namespace.
    pub(crate) fn namespace(mut self, namespace: &'static str) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// Adds a child; what the element holds is elements from now on.
    pub(crate) fn child(mut self, child: Element) -> Self {
        match &mut self.content {
            Content::Children(children) => children.push(child),
            Content::Text(_) => self.content = Content::Children(vec![child]),
        }
        self
    }

    /// Adds a child that may be absent.
    pub(crate) fn maybe(self, child: Option<Element>) -> Self {
        match child {
            Some(child) => self.child(child),
            None => self,
        }
    }

    /// Adds children, in their order.
    pub(crate) fn children(self, children: impl IntoIterator<Item = Element>) -> Self {
        children.into_iter().fold(self, Self::child)
    }

    /// The document, without a declaration.
    pub(crate) fn print(&self) -> String {
        let mut document = String::new();
        self.write(&mut document, 0);
        document
    }

    /// The document on one line behind a declaration, as S3 writes it.
    pub(crate) fn print_compact(&self) -> String {
        let mut document = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        self.write_compact(&mut document);
        document
    }

    fn write(&self, document: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        document.push_str(&indent);
        self.open(document);
        match &self.content {
            Content::Text(text) => document.push_str(&escaped(text)),
            Content::Children(children) if children.is_empty() => {}
            Content::Children(children) => {
                document.push('\n');
                for child in children {
                    child.write(document, depth + 1);
                }
                document.push_str(&indent);
            }
        }
        self.close(document);
        document.push('\n');
    }

    fn write_compact(&self, document: &mut String) {
        self.open(document);
        match &self.content {
            Content::Text(text) => document.push_str(&escaped(text)),
            Content::Children(children) => children.iter().for_each(|child| child.write_compact(document)),
        }
        self.close(document);
    }

    fn open(&self, document: &mut String) {
        document.push('<');
        document.push_str(&self.name);
        if let Some(namespace) = self.namespace {
            document.push_str(" xmlns=\"");
            document.push_str(namespace);
            document.push('"');
        }
        document.push('>');
    }

    fn close(&self, document: &mut String) {
        document.push_str("</");
        document.push_str(&self.name);
        document.push('>');
    }
}

/// Text as XML 1.0 can hold it: what a client sent comes back in messages, and a few characters cannot be written at all.
fn escaped(text: &str) -> Cow<'_, str> {
    let is_char = |c: char| matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}'));
    if text.chars().all(is_char) {
        return escape(text);
    }
    let replaced = text
        .chars()
        .map(|c| if is_char(c) { c } else { '\u{FFFD}' })
        .collect::<String>();
    Cow::Owned(escape(&replaced).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn documents_look_as_aws_writes_them() {
        let document = Element::new("ErrorResponse")
            .namespace("https://sts.amazonaws.com/doc/2011-06-15/")
            .child(
                Element::new("Error")
                    .child(Element::text("Type", "Sender"))
                    .child(Element::text("Message", "a < b & \"c\"")),
            )
            .child(Element::text("RequestId", "1"));
        assert_eq!(
            document.print(),
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n    \
             <Message>a &lt; b &amp; &quot;c&quot;</Message>\n  </Error>\n  <RequestId>1</RequestId>\n</ErrorResponse>\n"
        );
        assert_eq!(
            Element::new("Error").child(Element::text("Code", "X")).print_compact(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>X</Code></Error>"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_readable_xml(text in any::<String>()) {
            let document = Element::text("T", text).print();
            let mut reader = quick_xml::Reader::from_str(&document);
            loop {
                match reader.read_event() {
                    Ok(quick_xml::events::Event::Eof) => break,
                    Ok(_) => {}
                    Err(error) => return Err(TestCaseError::fail(error.to_string())),
                }
            }
        }
    }
}
