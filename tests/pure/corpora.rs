//! The fuzzers' corpora, replayed: on machines without a fuzzer as well, every input that was ever
//! worth keeping is tried again.

use std::path::Path;

use crate::targets::TARGETS;
use crate::tried::Tried;

#[test]
fn every_input_of_the_corpora_holds() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let (mut all, mut failed) = (0, Vec::new());
    for (name, check) in TARGETS {
        let mut replayed = 0;
        for file in std::fs::read_dir(corpora.join(name)).unwrap() {
            let path = file.unwrap().path();
            let input = std::fs::read(&path).unwrap();
            let held = std::panic::catch_unwind(|| check(&input));
            if held.is_err() {
                failed.push(path);
            }
            replayed += 1;
        }
        assert!(replayed > 0, "{name} has no corpus");
        all += replayed;
    }
    let known = TARGETS.map(|(name, _)| name);
    for folder in std::fs::read_dir(&corpora).unwrap() {
        let folder = folder.unwrap().file_name();
        assert!(known.iter().any(|name| folder == **name), "{}: no such target", folder.display());
    }
    Tried::new("inputs of the fuzz corpora", all, failed.len()).print();
    assert!(failed.is_empty(), "{failed:?}");
}
