use http::{StatusCode, header};

use crate::exchange::{Response, respond, set_header};

/// What the service calls itself.
pub(super) const SERVER: &str = "EC2ws";

/// What messages of the service end with.
pub(super) const ADVICE: &str = "Please see documentation at https://docs.aws.amazon.com/IAM/latest/UserGuide/\
                                 troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc.";

/// A request that is not granted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    /// For the trail; the page does not say it.
    pub(super) reason: &'static str,
}

impl Refused {
    pub(super) fn new(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason }
    }

    /// What stands for an error code: the service has none.
    pub(super) fn code(self) -> &'static str {
        reason(self.status)
    }
}

/// The page that the service shows instead of an answer, to the letter.
pub(crate) fn page(status: StatusCode) -> Response {
    let title = format!("{} - {}", status.as_u16(), reason(status));
    let page = format!(
        r#"<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>{title}</title>
 </head>
 <body>
  <h1>{title}</h1>
 </body>
</html>
"#
    );
    let mut response = respond(status, "text/html", page);
    set_header(&mut response, header::SERVER, SERVER);
    response
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Error")
}

/// A JSON document in the layout of the service: each member on a line of its own, a space on both sides of the colon.
pub(super) fn document(members: &[(&str, &str)]) -> String {
    let lines = members
        .iter()
        .map(|(name, value)| format!("  {} : {}", json(name), json(value)))
        .collect::<Vec<_>>();
    format!("{{\n{}\n}}", lines.join(",\n"))
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_the_layout_of_the_service() {
        assert_eq!(
            document(&[("Code", "Success"), ("Type", "a \"b\"")]),
            "{\n  \"Code\" : \"Success\",\n  \"Type\" : \"a \\\"b\\\"\"\n}"
        );
    }
}
