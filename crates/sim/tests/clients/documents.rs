//! The documents that people set ECR up by: their shell blocks and policies run as they stand, through the real `aws`.
//! Where a document errs, the test shows what AWS says to it, and how it works once corrected.

use std::path::Path;

mod okteto;
mod replicated;
mod repost;
mod snyk;

/// Blocks that are run as they stand. Policies are compared with the pages where they are used first: `crates/iam`.
const BLOCKS: &[(&str, &str)] = &[
    ("okteto-ecr-credentials.txt", okteto::USER),
    ("okteto-ecr-credentials.txt", okteto::KEY),
    ("okteto-ecr-credentials.txt", okteto::ENDPOINT),
    ("okteto-ecr-credentials.txt", okteto::AUDIENCE),
    ("okteto-ecr-credentials.txt", okteto::PROVIDER),
    ("okteto-ecr-credentials.txt", okteto::ROLE_ARN),
    ("okteto-ecr-credentials.txt", okteto::ROLE),
    ("okteto-ecr-credentials.txt", okteto::ATTACH),
    ("repost-cross-account-ecr.txt", repost::LOGIN),
];

/// Where the pages themselves are at hand, the blocks are compared with them.
#[test]
fn the_blocks_stand_in_the_pages() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/seeds");
    for (page, block) in BLOCKS {
        assert!(!block.trim().is_empty());
        let Ok(page) = std::fs::read_to_string(pages.join(page)) else {
            return;
        };
        assert!(page.contains(block.trim_end()), "{block}");
    }
}

/// The sentence that a client prints, without the line breaks and quotes of its log.
fn assert_says(complaint: &str, sentence: &str) {
    let plain = complaint.replace("\\\"", "\"");
    assert!(plain.contains(sentence), "{plain}\nhas no: {sentence}");
}
