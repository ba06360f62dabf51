use secrecy::zeroize::Zeroizing;
use serde_json::json;

use super::{
    place::Fate,
    settings::{Content, File, Settings},
};

/// For people: the files as they would be, or what became of them; then the notes.
pub(super) fn text(settings: &Settings, written: Option<&[Fate]>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    for (at, file) in settings.files.iter().enumerate() {
        let path = file.path.display();
        match written.map(|fates| fates[at]) {
            Some(Fate::Written) => text.push_str(&format!("written    {path}\n")),
            Some(Fate::Unchanged) => text.push_str(&format!("unchanged  {path}\n")),
            None => {
                let kind = if is_entry(file) {
                    ", beside what else is there"
                } else {
                    ""
                };
                text.push_str(&format!("### {path} (mode {:04o}{kind})\n", file.mode()));
                text.push_str(&file.text_without_password());
                text.push('\n');
            }
        }
    }
    let is_left_out = written.is_none()
        && settings
            .files
            .iter()
            .any(|file| file.text() != file.text_without_password());
    let left_out = is_left_out.then_some("The password is left out here; --write and --format json have it.");
    if written.is_some() && !settings.files.is_empty() {
        text.push('\n');
    }
    let notes = settings.notes.iter().map(String::as_str).chain(left_out);
    let notes = notes
        .flat_map(|note| note.lines().chain([""]))
        .map(|line| format!("# {line}"));
    let notes: Vec<_> = notes.map(|line| line.trim_end().to_owned()).collect();
    text.push_str(notes.join("\n").trim_end_matches(['#', '\n']));
    text.push('\n');
    text
}

/// For programs: one line. What was written is not repeated.
pub(super) fn json(settings: &Settings, written: Option<&[Fate]>) -> Zeroizing<String> {
    let files = settings.files.iter().enumerate().map(|(at, file)| {
        let mut object = json!({
            "path": file.path.to_string_lossy(),
            "mode": format!("{:04o}", file.mode()),
            "secret": file.text() != file.text_without_password(),
            "merge": is_entry(file),
        });
        match written.map(|fates| fates[at]) {
            Some(fate) => object["written"] = (fate == Fate::Written).into(),
            None => object["content"] = file.text().as_str().into(),
        }
        object
    });
    let files: Vec<_> = files.collect();
    let document = json!({ "client": settings.client, "files": files, "notes": settings.notes });
    Zeroizing::new(format!("{document}\n"))
}

/// Whether the content is to be merged into a file that may have more.
fn is_entry(file: &File) -> bool {
    matches!(file.content, Content::Entry(_))
}
