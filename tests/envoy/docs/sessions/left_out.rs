//! The commands of the documentation that no session runs, each with the reason.

use std::path::Path;
use std::process::Command;

use crate::docs::markdown::root;

/// A command that no session runs, or not all of it.
pub struct LeftOut {
    /// The document that shows it.
    pub document: &'static str,
    /// How it begins.
    pub command: &'static str,
    /// What is not run.
    pub part: Part,
    pub why: &'static str,
    /// The target of the Makefile that runs it.
    pub target: Option<&'static str>,
}

/// What is not run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    All,
    /// The command from here on; the text occurs in it.
    From(&'static str),
}

/// All of them. An entry that fits no command of its document fails the tests.
pub static LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        document: "README.md",
        command: "make test",
        part: Part::All,
        why: "it is what runs this test",
        target: Some("test"),
    },
    LeftOut {
        document: "docs/conformance.md",
        command: "make conformance",
        part: Part::All,
        why: "a test of its own, of which the small set is part of `make test`",
        target: Some("conformance"),
    },
    LeftOut {
        document: "docs/running.md",
        command: "docker compose -f envoy/docker-compose.yaml up",
        part: Part::All,
        why: "it needs a Docker engine",
        target: Some("test-docker"),
    },
    LeftOut {
        document: "docs/tutorial.md",
        command: "kubectl apply --server-side -f mesh.yaml",
        part: Part::All,
        why: "it needs a Kubernetes cluster",
        target: None,
    },
    LeftOut {
        document: "docs/istio.md",
        command: "docker build -f envoy/istio-gateway/Dockerfile",
        part: Part::All,
        why: "it needs a Docker engine and Istio's image",
        target: None,
    },
    LeftOut {
        document: "docs/istio.md",
        command: "docker push",
        part: Part::All,
        why: "it needs a registry",
        target: None,
    },
    LeftOut {
        document: "docs/istio.md",
        command: "helm ",
        part: Part::All,
        why: "it needs a Kubernetes cluster and Istio's charts",
        target: None,
    },
    LeftOut {
        document: "docs/istio.md",
        command: "skopeo copy oci-archive:dist/egress_auth.oci.tar",
        part: Part::All,
        why: "it needs a registry",
        target: Some("test-docker"),
    },
    LeftOut {
        document: "docs/istio.md",
        command: "kubectl ",
        part: Part::All,
        why: "it needs a Kubernetes cluster",
        target: Some("test-istio"),
    },
    LeftOut {
        document: "docs/istio.md",
        command: "KUBECTL_APPLYSET=true kubectl apply",
        part: Part::All,
        why: "it needs a Kubernetes cluster",
        target: Some("test-istio"),
    },
    LeftOut {
        document: "docs/istio.md",
        command: "egress-auth compile gateway.yaml --to istio-native",
        part: Part::From("| kubectl apply"),
        why: "it needs a Kubernetes cluster",
        target: Some("test-istio"),
    },
    LeftOut {
        document: "docs/istio.md",
        command: "egress-auth diff deployed.yaml gateway.yaml",
        part: Part::All,
        why: "what is deployed, kubectl prints",
        target: Some("test-istio"),
    },
    LeftOut {
        document: "docs/istio.md",
        command: "egress-auth compile gateway.yaml --to wasm-plugin --in-force deployed.yaml",
        part: Part::All,
        why: "what is deployed, kubectl prints",
        target: Some("test-istio"),
    },
];

impl LeftOut {
    /// The entry for a command.
    pub fn of(document: &Path, command: &str) -> Option<&'static Self> {
        LEFT_OUT.iter().find(|entry| entry.is_about(document, command))
    }

    /// Whether it is about a command.
    pub fn is_about(&self, document: &Path, command: &str) -> bool {
        document == Path::new(self.document) && command.starts_with(self.command)
    }

    /// What is run of a command: nothing, or what stands before the part that is not.
    pub fn runs<'c>(&self, command: &'c str) -> Option<&'c str> {
        match self.part {
            Part::All => None,
            Part::From(text) => Some(command.split_once(text).expect(self.command).0.trim_end()),
        }
    }

    /// Whether what is shown of a command is true of it unseen: nothing, or the line that its target
    /// prints when all before it went well.
    pub fn prints(&self, shown: &[String]) -> bool {
        let lines: Vec<&String> = shown.iter().filter(|line| *line != "...").collect();
        match (lines.as_slice(), self.target) {
            ([], _) => true,
            ([line], Some(target)) => recipe(target)
                .trim_end()
                .strip_suffix(&format!("echo '{line}'"))
                .is_some_and(|before| before.trim_end_matches(['\\', '\n', '\t']).ends_with("&& ")),
            _ => false,
        }
    }
}

/// What `make` would do for a target.
pub fn recipe(target: &str) -> String {
    let output = Command::new("make")
        .args(["--dry-run", "--no-print-directory", target])
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("MAKEFLAGS")
        // What this run is about is none of the documentation's business.
        .env_remove("TESTS")
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "make {target}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_runs_what_is_left_out_exists() {
    for entry in LEFT_OUT {
        assert!(!entry.why.is_empty());
        if let Some(target) = entry.target {
            assert!(!recipe(target).is_empty(), "make {target} does nothing");
        }
    }
}
