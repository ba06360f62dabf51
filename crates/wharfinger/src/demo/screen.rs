use std::time::Duration;

use console::style;
use indicatif::{ProgressBar, ProgressStyle};

/// Where the story is told: with colours and live progress on a terminal, in plain lines elsewhere.
pub(crate) struct Screen {
    bar: ProgressBar,
}

impl Screen {
    pub(crate) fn new() -> Self {
        // Drawn on standard error, and only where that is a terminal.
        Self {
            bar: ProgressBar::new_spinner(),
        }
    }

    /// The title of the story or of a step.
    pub(crate) fn heading(&self, text: &str) {
        self.line("");
        self.line(&style(text).bold().to_string());
    }

    /// Something that was done.
    pub(crate) fn done(&self, text: &str) {
        self.line(&format!("  {} {text}", style("✓").green()));
    }

    /// Something that was refused, as it should be.
    pub(crate) fn refused(&self, text: &str) {
        self.line(&format!("  {} {text}", style("✗").red()));
    }

    /// Something that belongs to the line before.
    pub(crate) fn detail(&self, text: &str) {
        for line in text.lines() {
            self.line(&format!("      {}", style(line).dim()));
        }
    }

    /// A JSON document that belongs to the line before: in one line where that is not long.
    pub(crate) fn document(&self, text: &str) {
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(value) if value.to_string().len() <= WIDTH => self.detail(&value.to_string()),
            _ => self.detail(&text.replace("    ", "  ")),
        }
    }

    /// Something that belongs to the line before, under a name.
    pub(crate) fn named(&self, name: &str, text: &str) {
        self.line(&format!("      {} {text}", style(format!("{name:<7}")).cyan()));
    }

    /// A line as it is.
    pub(crate) fn line(&self, text: &str) {
        self.bar.suspend(|| println!("{text}"));
    }

    /// The end of a story that failed.
    pub(crate) fn failed(&self, text: &str) {
        self.bar.suspend(|| eprintln!("wharfinger: the demo failed: {text}"));
    }

    /// Shows that something without a measure is going on.
    pub(crate) fn busy(&self, text: &str) {
        self.bar.set_style(spinner("  {spinner} {msg}"));
        self.bar.set_message(text.to_owned());
        self.bar.enable_steady_tick(Duration::from_millis(100));
    }

    /// Shows how many of `total` bytes are done.
    pub(crate) fn bytes(&self, text: &str, total: u64) -> &ProgressBar {
        self.bar.set_style(spinner(
            "  {spinner} {msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}",
        ));
        self.bar.set_message(text.to_owned());
        self.bar.set_length(total);
        self.bar.set_position(0);
        self.bar.reset_elapsed();
        self.bar.enable_steady_tick(Duration::from_millis(100));
        &self.bar
    }

    /// Takes the live line away.
    pub(crate) fn clear(&self) {
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
    }

    /// The live line, for whoever counts from another thread.
    pub(crate) fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }
}

/// How long a line may be that nobody has to scroll.
const WIDTH: usize = 110;

fn spinner(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
