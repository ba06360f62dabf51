//! The rules, by what they look at.

mod actions;
mod conditions;
mod names;
mod repositories;
mod shape;
mod trust;
mod web_identity;

use super::document::Document;
use super::{Finding, Known};

pub(super) fn check(document: &Document<'_>, known: &Known, found: &mut Vec<Finding>) {
    shape::check(document, found);
    names::check(document, found);
    actions::check(document, found);
    conditions::check(document, found);
    repositories::check(document, found);
    trust::check(document, known, found);
    web_identity::check(document, known, found);
}
