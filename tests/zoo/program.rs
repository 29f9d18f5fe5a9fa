//! The programs, and the commands that start them.

use std::ffi::OsString;

use super::process::{Place, installed, servers};

/// A program that listens on the ports of several settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// aiohttp.
    Aiohttp,
    /// Django in gunicorn.
    Django,
    /// Flask in gunicorn.
    Flask,
    /// The servers in Go.
    Go,
    /// HAProxy.
    Haproxy,
    /// Apache httpd.
    Httpd,
    /// The servers in Java.
    Java,
    /// lighttpd.
    Lighttpd,
    /// lighttpd, which leaves URLs as they are.
    LighttpdKeep,
    /// nginx.
    Nginx,
    /// nginx before Tomcat.
    NginxTomcat,
    /// Node with all that runs in it.
    Node,
    /// PHP, which listens on a socket of nginx's.
    Php,
    /// Puma.
    Puma,
    /// Starlette in uvicorn.
    Starlette,
}

use Program::{
    Aiohttp, Django, Flask, Go, Haproxy, Httpd, Java, Lighttpd, LighttpdKeep, Nginx, NginxTomcat,
    Node, Php, Puma, Starlette,
};

impl Program {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Aiohttp => "aiohttp",
            Django => "django",
            Flask => "flask",
            Go => "go",
            Haproxy => "haproxy",
            Httpd => "httpd",
            Java => "java",
            Lighttpd => "lighttpd",
            LighttpdKeep => "lighttpd-keep",
            Nginx => "nginx",
            NginxTomcat => "nginx-tomcat",
            Node => "node",
            Php => "php",
            Puma => "puma",
            Starlette => "starlette",
        }
    }

    /// What `ZOO_SERVERS` calls it, together with others that are installed in the same way.
    pub fn group(self) -> &'static str {
        match self {
            Aiohttp | Django | Flask | Starlette => "python",
            LighttpdKeep => "lighttpd",
            NginxTomcat => "java",
            Puma => "ruby",
            other => other.name(),
        }
    }

    /// The programs that it hands requests on to.
    pub fn before(self) -> &'static [Self] {
        match self {
            Nginx => &[Node, Php],
            Haproxy | Httpd | Lighttpd => &[Node],
            NginxTomcat => &[Java],
            _ => &[],
        }
    }

    /// The command that starts it.
    pub fn command(self, place: &Place) -> Vec<OsString> {
        let python = installed().join("python/bin/python");
        let mut command: Vec<OsString> = Vec::new();
        let mut words = |words: &[&str]| command.extend(words.iter().map(OsString::from));
        let text = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
        let configured = |file: &str| text(place.configuration(&format!("conf/{file}")));
        let address = |setting: &str| format!("127.0.0.1:{}", place.port(setting));
        match self {
            Aiohttp => words(&[&text(python), &text(servers().join("python/aiohttp_app.py"))]),
            Starlette => words(&[&text(python), &text(servers().join("python/starlette_app.py"))]),
            Django | Flask => {
                words(&[
                    &text(python),
                    "-m",
                    "gunicorn",
                    "--chdir",
                    &text(servers().join("python")),
                ]);
                words(&["--threads", "4", "--keep-alive", "600", "--no-control-socket"]);
                words(&["--bind", &address(self.name()), &format!("{}_app:app", self.name())]);
            }
            Go => words(&[&text(installed().join("go"))]),
            Haproxy => words(&["haproxy", "-db", "-f", &configured("haproxy.cfg")]),
            Httpd => {
                place.copy("conf/seen.cgi");
                place.copy("python/plain.py");
                // It will not serve as root, and would outlive us if it gave up its rights itself.
                if rustix::process::geteuid().is_root() {
                    place.open_to_all();
                    words(&["setpriv", "--reuid", "www-data", "--regid", "www-data"]);
                    words(&["--clear-groups", "--pdeathsig", "KILL"]);
                }
                words(&["apache2", "-X", "-f", &configured("httpd.conf")]);
            }
            Java => {
                let java = installed().join("java");
                let libraries = std::fs::read_to_string(java.join("classpath")).unwrap_or_default();
                let classpath = format!("{}:{}", java.join("classes").display(), libraries.trim());
                words(&["java", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-cp", &classpath]);
                words(&["zoo.Main"]);
            }
            Lighttpd => words(&["lighttpd", "-D", "-f", &configured("lighttpd.conf")]),
            LighttpdKeep => words(&["lighttpd", "-D", "-f", &configured("lighttpd-keep.conf")]),
            Nginx => words(&["nginx", "-e", "stderr", "-c", &configured("nginx.conf")]),
            NginxTomcat => {
                words(&["nginx", "-e", "stderr", "-c", &configured("nginx-tomcat.conf")]);
            }
            Node => words(&["node", &text(servers().join("node/frameworks.mjs"))]),
            Php => {
                let socket = text(place.shared("php.sock"));
                words(&["env", "PHP_FCGI_MAX_REQUESTS=0", "php-cgi", "-b", &socket]);
            }
            Puma => words(&["puma", "-C", &text(servers().join("ruby/puma.rb"))]),
        }
        command
    }
}
