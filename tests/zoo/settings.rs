//! The servers and the ways in which they run.

use std::ffi::OsString;
use std::path::PathBuf;

use super::process::{Place, installed, servers};

/// One way in which one server runs.
#[derive(Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// The program that listens.
    pub program: Program,
    /// The server and its setting, in words.
    pub what: &'static str,
}

/// A program that listens on the ports of several settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// nginx.
    Nginx,
    /// Node.
    Node,
    /// `servers/go`.
    Go,
    /// `servers/java`.
    Java,
}

use Program::{Go, Java, Nginx, Node};

/// Every setting.
const ALL: &[Setting] = &[
    Setting { name: "nginx", program: Nginx, what: "nginx, `location`" },
    Setting {
        name: "nginx-slashes",
        program: Nginx,
        what: "nginx, `location`, `merge_slashes off`",
    },
    Setting { name: "nginx-files", program: Nginx, what: "nginx, files" },
    Setting {
        name: "nginx-proxy",
        program: Nginx,
        what: "nginx, `proxy_pass` without a URI, before Node",
    },
    Setting {
        name: "nginx-proxy-uri",
        program: Nginx,
        what: "nginx, `proxy_pass` with a URI, before Node",
    },
    Setting {
        name: "nginx-proxy-variable",
        program: Nginx,
        what: "nginx, `proxy_pass` with `$uri`, before Node",
    },
    Setting {
        name: "nginx-proxy-variable-slashes",
        program: Nginx,
        what: "nginx, the same with `merge_slashes off` and `$is_args$args`",
    },
    Setting { name: "node", program: Node, what: "Node `http`, the path as sent" },
    Setting { name: "node-url", program: Node, what: "Node `http`, `new URL().pathname`" },
    Setting {
        name: "node-normalize",
        program: Node,
        what: "Node `http`, decoded, then normalized",
    },
    Setting {
        name: "node-decode-last",
        program: Node,
        what: "Node `http`, normalized, then decoded",
    },
    Setting { name: "go", program: Go, what: "Go `net/http`, `ServeMux`" },
    Setting { name: "go-files", program: Go, what: "Go `net/http`, `FileServer`" },
    Setting { name: "chi", program: Go, what: "Go, chi" },
    Setting { name: "gin", program: Go, what: "Go, gin" },
    Setting { name: "gin-raw", program: Go, what: "Go, gin, `UseRawPath`" },
    Setting { name: "tomcat", program: Java, what: "Tomcat" },
    Setting {
        name: "tomcat-decode",
        program: Java,
        what: "Tomcat, `encodedSolidusHandling=\"decode\"`",
    },
    Setting {
        name: "tomcat-passthrough",
        program: Java,
        what: "Tomcat, `encodedSolidusHandling=\"passthrough\"`",
    },
];

/// The settings of these programs, or of all of them where none is named. A proxy brings the
/// server that is behind it.
pub fn chosen(names: &str) -> Vec<&'static Setting> {
    let names: Vec<&str> = names.split_whitespace().collect();
    for name in &names {
        assert!(ALL.iter().any(|it| it.program.name() == *name), "there is no server {name}");
    }
    let asked = |program: Program| names.is_empty() || names.contains(&program.name());
    ALL.iter().filter(|it| asked(it.program) || it.program == Node && asked(Nginx)).collect()
}

impl Program {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Nginx => "nginx",
            Node => "node",
            Go => "go",
            Java => "java",
        }
    }

    /// The command that starts it.
    pub fn command(self, place: &Place) -> Vec<OsString> {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let with = |mut command: Vec<OsString>, path: PathBuf| {
            command.push(path.into());
            command
        };
        match self {
            Nginx => {
                let file = place.configuration("conf/nginx.conf");
                with(words(&["nginx", "-e", "stderr", "-c"]), file)
            }
            Node => with(words(&["node"]), servers().join("node/http.mjs")),
            Go => with(Vec::new(), installed().join("go")),
            Java => {
                let java = installed().join("java");
                let libraries = std::fs::read_to_string(java.join("classpath")).unwrap_or_default();
                let classpath = format!("{}:{}", java.join("classes").display(), libraries.trim());
                words(&[
                    "java",
                    "-Xmx256m",
                    "-XX:TieredStopAtLevel=1",
                    "-cp",
                    &classpath,
                    "zoo.Main",
                ])
            }
        }
    }
}
