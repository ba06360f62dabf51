//! What docs/ways.md tells its readers to write.

const PAGE: &str = include_str!("../../../../docs/ways.md");

/// The YAML below a heading, with the given texts replaced. Each of them has to be there.
pub(crate) fn resources(heading: &str, changes: &[(&str, &str)]) -> String {
    let section = PAGE
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("docs/ways.md has no section `{heading}`"))
        .1;
    let section = section.split("\n## ").next().unwrap();
    let block = section.split_once("```yaml\n").expect("a block of YAML").1;
    let mut text = block.split("```").next().unwrap().to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "`{from}` is not in the block of `{heading}`");
        text = text.replace(from, to);
    }
    text
}
