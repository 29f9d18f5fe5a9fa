//! Links inside the project lead somewhere.

use std::path::Path;

use crate::docs::markdown::{Document, root};

#[test]
fn relative_links_and_their_anchors_exist() {
    let mut checked = 0;
    let mut broken = Vec::new();
    for document in Document::all() {
        let folder = document.path.parent().unwrap_or(Path::new(""));
        for link in document.links() {
            if link.contains("://") {
                continue;
            }
            checked += 1;
            let (file, anchor) = match link.split_once('#') {
                Some((file, anchor)) => (file, Some(anchor)),
                None => (link.as_str(), None),
            };
            let target = match file {
                "" => document.path.clone(),
                file => folder.join(file),
            };
            let leads = root().join(&target).exists()
                && anchor.is_none_or(|anchor| Document::read(target).anchors().contains(anchor));
            if !leads {
                broken.push(format!("{}: {link}", document.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(checked > 10, "only {checked} links were found");
}
