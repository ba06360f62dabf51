//! The ladder as a text.

use std::fmt;

use super::{Change, Ladder, Rung};

impl fmt::Display for Ladder {
    /// One rung a line, below it what there is to say; then the documents, numbered. No colours, no line at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.title)?;
        for rung in &self.rungs {
            write!(f, "\n\n{rung}")?;
        }
        for (index, change) in self.changes.iter().enumerate() {
            write!(f, "\n\n[{}] {change}", index + 1)?;
        }
        Ok(())
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.sign(), self.step)?;
        if let Some(sentence) = &self.aws_says {
            write!(f, "\n    AWS says: {sentence}")?;
        }
        write!(f, "\n    {}", self.because)?;
        for command in &self.fetch {
            write!(f, "\n    to be given: {command}")?;
        }
        for change in &self.changes {
            write!(f, "\n    to be changed: [{}]", change + 1)?;
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, account {}", self.title, self.account)?;
        match &self.file {
            Some(file) => write!(f, " ({file})")?,
            None => f.write_str(" (new)")?,
        }
        for sentence in &self.what {
            write!(f, "\n    {sentence}")?;
        }
        write!(f, "\n    {}\n{}", self.command, self.document)
    }
}
