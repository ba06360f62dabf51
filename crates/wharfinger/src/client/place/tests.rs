use std::os::unix::fs::symlink;

use super::super::{
    login::Login,
    settings::{Entry, Way},
};
use super::*;

fn whole(path: PathBuf, text: &str) -> File {
    File::whole(path, text)
}

fn secret(path: PathBuf) -> File {
    File {
        path,
        content: Content::Entry(Entry {
            proxy: "https://images.example.com".parse().unwrap(),
            way: Way::Login(Login::read("robot", Path::new("-"), "hunter2".as_bytes()).unwrap()),
        }),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn files_are_written_with_their_folders_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let (open, closed) = (folder.path().join("a/b/open"), folder.path().join("a/c/closed"));
    let files = [whole(open.clone(), "text"), secret(closed.clone())];
    assert_eq!(write(&files, false).unwrap(), [Fate::Written; 2]);
    assert_eq!((mode(&open), mode(&closed)), (0o644, 0o600));
    assert_eq!(fs::read_to_string(&open).unwrap(), "text");
    assert_eq!(write(&files, false).unwrap(), [Fate::Unchanged; 2]);
    assert_eq!(
        fs::read_dir(folder.path().join("a/c")).unwrap().count(),
        1,
        "nothing temporary stays"
    );
}

#[test]
fn nothing_is_written_where_one_file_must_not_be() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    fs::write(&second, "precious").unwrap();
    let files = [whole(first.clone(), "new"), whole(second.clone(), "new")];
    let error = write(&files, false).unwrap_err();
    assert!(
        matches!(&error, Trouble::Input(line) if line.contains("second") && line.contains("--force")),
        "{error}"
    );
    assert!(!first.exists());
    assert_eq!(fs::read_to_string(&second).unwrap(), "precious");
    assert_eq!(write(&files, true).unwrap(), [Fate::Written; 2]);
    assert_eq!(fs::read_to_string(&second).unwrap(), "new");
}

#[test]
fn a_login_that_others_could_read_is_closed_and_an_open_files_mode_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (open, closed) = (folder.path().join("open"), folder.path().join("closed"));
    let files = [whole(open.clone(), "new"), secret(closed.clone())];
    write(&files, false).unwrap();
    fs::write(&open, "old").unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o644)).unwrap();
    assert_eq!(write(&files, true).unwrap(), [Fate::Written; 2]);
    assert_eq!((mode(&open), mode(&closed)), (0o640, 0o600));
}

#[test]
fn a_link_stays_one_and_its_file_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.json"), folder.path().join("config.json"));
    fs::write(&real, "{\"psFormat\": \"table\"}").unwrap();
    symlink(&real, &link).unwrap();
    write(&[secret(link.clone())], false).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let text = fs::read_to_string(&real).unwrap();
    assert!(
        text.contains("psFormat") && text.contains("images.example.com"),
        "{text}"
    );
}

#[test]
fn what_is_there_and_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dangling = folder.path().join("dangling");
    symlink(folder.path().join("nowhere"), &dangling).unwrap();
    for path in [folder.path().to_owned(), dangling] {
        let error = write(&[whole(path, "text")], true).unwrap_err();
        assert!(matches!(error, Trouble::Input(_)), "{error}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = write(&[whole(folder.path().join("file/x"), "text")], false).unwrap_err();
    assert!(error.to_string().contains("file/x"), "{error}");
}
