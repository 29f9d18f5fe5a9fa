//! Wrong input is said where it is, and nothing is written.

use super::{egress_auth, folder, report, server, text};

#[test]
fn errors_in_documents_are_shown_where_they_are_and_the_old_page_stays() {
    let good = format!("  http:\n{}", server("a", "GET"));
    let bad = good.replace("jwksUri", "jwskUri");
    let folder = folder(&[("good.yaml", &good), ("bad.yaml", &bad)]);
    std::fs::write(folder.path().join("page.html"), "old").unwrap();
    for arguments in [
        ["bad.yaml", "--out", "page.html"].as_slice(),
        &["good.yaml", "--old", "bad.yaml", "--out", "page.html"],
    ] {
        let output = report(&folder, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(output.stdout, b"");
        let errors = text(output.stderr);
        assert!(errors.contains("--> bad.yaml:9:55"), "{errors}");
        assert!(errors.contains("did you mean `jwksUri`?"), "{errors}");
        assert_eq!(std::fs::read_to_string(folder.path().join("page.html")).unwrap(), "old");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn what_cannot_be_read_or_is_no_engine_is_named() {
    let folder = folder(&[("gateway.yaml", &format!("  http:\n{}", server("a", "GET")))]);
    std::fs::write(folder.path().join("engine.wasm"), "not a module").unwrap();
    for (arguments, expected) in [
        (
            ["report", "gateway.yaml", "--wasm", "engine.wasm"].as_slice(),
            "error: engine.wasm is not a WebAssembly module\n",
        ),
        (&["report", "gateway.yaml", "--wasm", "none.wasm"], "error: cannot read none.wasm: "),
        (&["report", "-", "--old", "-"], "error: only one input can be `-`\n"),
    ] {
        let output = egress_auth(&folder, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let errors = text(output.stderr);
        assert!(errors.starts_with(expected), "{arguments:?}: {errors}");
        assert_eq!(output.stdout, b"");
    }
    let output = report(&folder, &["missing.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(output.stderr).contains("missing.yaml"));
    let output = report(&folder, &["gateway.yaml", "--out", "missing/page.html"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(output.stderr).contains("cannot write missing/page.html"));
}

#[test]
fn wrong_flags_are_wrong_usage() {
    let folder = folder(&[]);
    for arguments in [["report"].as_slice(), &["report", "a.yaml", "--old"], &["report", "--x"]] {
        assert_eq!(egress_auth(&folder, arguments).status.code(), Some(2), "{arguments:?}");
    }
}
