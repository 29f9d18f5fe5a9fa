//! The servers and the ways in which they run.

use super::program::Program;
use super::program::Program::{
    Aiohttp, Django, Flask, Go, Haproxy, Httpd, Java, Lighttpd, LighttpdKeep, Nginx, NginxTomcat,
    Node, Puma, Starlette,
};

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

const fn of(program: Program, name: &'static str, what: &'static str) -> Setting {
    Setting { name, program, what }
}

/// Every setting.
const ALL: &[Setting] = &[
    of(Nginx, "nginx", "nginx, `location`"),
    of(Nginx, "nginx-slashes", "nginx, `location`, `merge_slashes off`"),
    of(Nginx, "nginx-files", "nginx, files"),
    of(Nginx, "nginx-proxy", "nginx, `proxy_pass` without a URI, before Node"),
    of(Nginx, "nginx-proxy-uri", "nginx, `proxy_pass` with a URI, before Node"),
    of(Nginx, "nginx-proxy-variable", "nginx, `proxy_pass` with `$uri`, before Node"),
    of(
        Nginx,
        "nginx-proxy-variable-slashes",
        "nginx, the same with `merge_slashes off` and `$is_args$args`",
    ),
    of(Nginx, "nginx-php", "nginx before PHP (FastCGI), a front controller"),
    of(Httpd, "httpd-files", "httpd, files"),
    of(Httpd, "httpd-files-on", "httpd, files, `AllowEncodedSlashes On`"),
    of(Httpd, "httpd-files-nodecode", "httpd, files, `AllowEncodedSlashes NoDecode`"),
    of(Httpd, "httpd-cgi", "httpd, mod_cgi"),
    of(Httpd, "httpd-cgi-nodecode", "httpd, mod_cgi, `AllowEncodedSlashes NoDecode`"),
    of(Httpd, "httpd-wsgi", "httpd, mod_wsgi"),
    of(Httpd, "httpd-wsgi-on", "httpd, mod_wsgi, `AllowEncodedSlashes On`"),
    of(Httpd, "httpd-wsgi-nodecode", "httpd, mod_wsgi, `AllowEncodedSlashes NoDecode`"),
    of(Httpd, "httpd-proxy", "httpd, `ProxyPass`, `AllowEncodedSlashes NoDecode`, before Node"),
    of(Httpd, "httpd-proxy-nocanon", "httpd, `ProxyPass` with `nocanon`, before Node"),
    of(Httpd, "httpd-rewrite", "httpd, `RewriteRule` with `[P]`, before Node"),
    of(Lighttpd, "lighttpd-files", "lighttpd, files"),
    of(Lighttpd, "lighttpd-cgi", "lighttpd, mod_cgi"),
    of(Lighttpd, "lighttpd-proxy", "lighttpd, mod_proxy, before Node"),
    of(LighttpdKeep, "lighttpd-keep-files", "lighttpd, files, `url-normalize` off"),
    of(LighttpdKeep, "lighttpd-keep-cgi", "lighttpd, mod_cgi, `url-normalize` off"),
    of(Haproxy, "haproxy", "HAProxy, `path`"),
    of(Haproxy, "haproxy-decoded", "HAProxy, `path,url_dec`"),
    of(Haproxy, "haproxy-proxy", "HAProxy before Node"),
    of(Haproxy, "haproxy-normalize", "HAProxy, `normalize-uri`, before Node"),
    of(Haproxy, "haproxy-rewrite", "HAProxy, `set-path %[path,url_dec]`, before Node"),
    of(Node, "node", "Node `http`, the path as sent"),
    of(Node, "node-url", "Node `http`, `new URL().pathname`"),
    of(Node, "node-normalize", "Node `http`, decoded, then normalized"),
    of(Node, "node-decode-last", "Node `http`, normalized, then decoded"),
    of(Node, "express", "Express, a wildcard parameter"),
    of(Node, "express-mounted", "Express, mounted handlers"),
    of(Node, "express-files", "Express, `static`"),
    of(Node, "fastify", "Fastify"),
    of(Node, "koa", "Koa, `@koa/router`"),
    of(Go, "go", "Go `net/http`, `ServeMux`"),
    of(Go, "go-files", "Go `net/http`, `FileServer`"),
    of(Go, "chi", "Go, chi"),
    of(Go, "gin", "Go, gin"),
    of(Go, "gin-raw", "Go, gin, `UseRawPath`"),
    of(Java, "tomcat", "Tomcat"),
    of(Java, "tomcat-decode", "Tomcat, `encodedSolidusHandling=\"decode\"`"),
    of(Java, "tomcat-passthrough", "Tomcat, `encodedSolidusHandling=\"passthrough\"`"),
    of(Java, "tomcat-backslash", "Tomcat, the same for `\\`, `allowBackslash`"),
    of(NginxTomcat, "nginx-tomcat", "nginx, `proxy_pass` without a URI, before Tomcat (`decode`)"),
    of(NginxTomcat, "nginx-tomcat-uri", "nginx, `proxy_pass` with a URI, before Tomcat (`decode`)"),
    of(
        NginxTomcat,
        "nginx-tomcat-variable",
        "nginx, `proxy_pass` with `$uri`, before Tomcat (`decode`)",
    ),
    of(Java, "jetty", "Jetty"),
    of(Java, "jetty-unsafe", "Jetty, `UriCompliance.UNSAFE`, `decodeAmbiguousURIs`"),
    of(Java, "undertow", "Undertow"),
    of(Java, "undertow-decode", "Undertow, `DECODE_SLASH`"),
    of(Java, "spring", "Spring Boot, Tomcat, parsed patterns"),
    of(Java, "spring-text", "Spring Boot, Tomcat, `ant-path-matcher`"),
    of(Starlette, "starlette", "Starlette, uvicorn with httptools"),
    of(Starlette, "starlette-h11", "Starlette, uvicorn with h11"),
    of(Starlette, "starlette-files", "Starlette, `StaticFiles`, uvicorn"),
    of(Flask, "flask", "Flask, gunicorn"),
    of(Django, "django", "Django, gunicorn"),
    of(Aiohttp, "aiohttp", "aiohttp"),
    of(Aiohttp, "aiohttp-files", "aiohttp, files"),
    of(Puma, "rack", "Puma, `Rack::URLMap`"),
    of(Puma, "rack-files", "Puma, `Rack::Files`"),
    of(Puma, "sinatra", "Puma, Sinatra"),
];

/// Settings with virtual hosts, which only judge hosts.
const HOSTS: &[Setting] = &[
    of(Nginx, "nginx-hosts", "nginx, `server_name`"),
    of(Httpd, "httpd-hosts", "httpd, `VirtualHost`"),
    of(Lighttpd, "lighttpd-hosts", "lighttpd, mod_simple_vhost"),
    of(Haproxy, "haproxy-hosts", "HAProxy, `hdr(host),host_only`"),
    of(Node, "express-hosts", "Express, `hostname`"),
    of(Go, "go-hosts", "Go `net/http`, `ServeMux` with hosts"),
    of(Java, "tomcat-hosts", "Tomcat, `Host`"),
    of(Java, "jetty-hosts", "Jetty, virtual hosts"),
    of(Starlette, "starlette-hosts", "Starlette, `Host`"),
    of(Puma, "rack-hosts", "Puma, `Rack::URLMap` with hosts"),
];

/// A setting by its name.
pub fn by_name(name: &str) -> &'static Setting {
    let named = ALL.iter().chain(HOSTS).find(|it| it.name == name);
    named.unwrap_or_else(|| panic!("there is no server {name}"))
}

/// The settings that judge paths and headers, and those that judge hosts, of these groups of
/// programs, or of all where none is named. A proxy brings what is behind it.
pub fn chosen(groups: &str) -> (Vec<&'static Setting>, Vec<&'static Setting>) {
    let groups: Vec<&str> = groups.split_whitespace().collect();
    for group in &groups {
        assert!(ALL.iter().any(|it| it.program.group() == *group), "there is no server {group}");
    }
    let asked = |it: &Setting| groups.is_empty() || groups.contains(&it.program.group());
    let behind = |it: &Setting| {
        ALL.iter().any(|proxy| asked(proxy) && proxy.program.before().contains(&it.program))
    };
    let of = |all: &'static [Setting]| all.iter().filter(|it| asked(it) || behind(it)).collect();
    (of(ALL), of(HOSTS))
}
