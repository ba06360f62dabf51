use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// A file and its text.
pub(super) struct File {
    path: PathBuf,
    pub(super) text: String,
}

impl File {
    /// Reads a file, or standard input where it is called `-`.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let error = |error: io::Error| format!("`{}` cannot be read: {error}", path.display());
        let mut bytes = Vec::new();
        if is_standard_input(path) {
            io::stdin().take(LONGEST + 1).read_to_end(&mut bytes).map_err(error)?;
        } else {
            let file = fs::File::open(path).map_err(error)?;
            file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(error)?;
        }
        if bytes.len() as u64 > LONGEST {
            return Err(format!("`{}` is longer than {LONGEST} bytes", path.display()));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self {
                path: path.to_owned(),
                text,
            }),
            Err(_) => Err(format!("`{}` is no text in UTF-8", path.display())),
        }
    }

    pub(super) fn name(&self) -> String {
        if is_standard_input(&self.path) {
            "standard input".to_owned()
        } else {
            self.path.display().to_string()
        }
    }

    /// Puts another text into the file: the old one or the new one is there at every moment, never a part. Says whether
    /// anything had to be changed.
    pub(super) fn replace(&mut self, text: String) -> Result<bool, String> {
        if text == self.text {
            return Ok(false);
        }
        if is_standard_input(&self.path) {
            return Err("standard input cannot be fixed; give a file".to_owned());
        }
        write(&self.path, &text).map_err(|error| format!("`{}` cannot be written: {error}", self.path.display()))?;
        self.text = text;
        Ok(true)
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    // A link stays a link: what it leads to is replaced.
    let path = fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    new.as_file().sync_all()?;
    new.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// As long as what is read of a file that lists a whole account.
const LONGEST: u64 = 32 * 1024 * 1024;
