use crate::Context;
use crate::json::{Node, ParseError, Value};

use super::fields::shown;

/// The longest condition key, in bytes. A tag's key has at most 128 characters.
const MAX_KEY_BYTES: usize = 512;

/// The longest value, in bytes: that of an ARN.
const MAX_VALUE_BYTES: usize = 2048;

/// All keys and values together, in bytes: every pattern may be laid against every value.
const MAX_BYTES: usize = 64 * 1024;

/// The condition keys of a request with their values: a text, a number or a boolean (as their text), or a list of such.
/// `null` and an empty list say that the key is absent.
pub(super) fn read(node: Option<&Node>, empty: Context) -> Result<Context, ParseError> {
    let Some(node) = node else { return Ok(empty) };
    let Value::Object(members) = &node.value else {
        return Err(node
            .at
            .error(format!("the context is an object, found {}", node.kind())));
    };
    let mut context = empty;
    let mut bytes = 0;
    for member in members {
        let key = member.key.as_str();
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(member
                .at
                .error(format!("a condition key is 1 to {MAX_KEY_BYTES} bytes long")));
        }
        if context.entry(&key.to_lowercase()).is_some() {
            return Err(member.at.error(format!(
                "`{}` stands here for the second time: condition keys are the same in capital and small letters",
                shown(key)
            )));
        }
        let values = values(&member.node, key)?;
        bytes += key.len() + values.iter().map(String::len).sum::<usize>();
        if bytes > MAX_BYTES {
            return Err(member.at.error(format!("the context is longer than {MAX_BYTES} bytes")));
        }
        context = context.with_all(key, values);
    }
    Ok(context)
}

fn values(node: &Node, key: &str) -> Result<Vec<String>, ParseError> {
    match &node.value {
        Value::Null => Ok(Vec::new()),
        Value::Array(nodes) => nodes.iter().map(|node| value(node, key)).collect(),
        _ => Ok(vec![value(node, key)?]),
    }
}

fn value(node: &Node, key: &str) -> Result<String, ParseError> {
    let text = match &node.value {
        Value::String(text) | Value::Number(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        _ => {
            return Err(node.at.error(format!(
                "a value of `{}` is a string, a number or a boolean, found {}",
                shown(key),
                node.kind()
            )));
        }
    };
    if text.len() > MAX_VALUE_BYTES {
        return Err(node.at.error(format!(
            "a value of `{}` is longer than {MAX_VALUE_BYTES} bytes",
            shown(key)
        )));
    }
    Ok(text)
}
