//! What is admitted, host by host: policies as people write them for APIs of several kinds.

use regex::bytes::Regex;

/// The folders for which the servers have handlers.
pub const ROUTES: [&str; 14] = [
    "/v1/payments",
    "/v1/admin",
    "/v1/accounts",
    "/admin",
    "/api/v4/projects",
    "/api/v4/users",
    "/bucket/public",
    "/bucket/private",
    "/odata",
    "/@acme",
    "/@evil",
    "/maps",
    "/files",
    "/internal",
];

/// A host and what is admitted there.
pub struct Policy {
    /// The host.
    pub host: String,
    /// What `paths` says in its only rule.
    pub paths: Vec<String>,
    /// Where paths that are admitted begin.
    pub inside: &'static [&'static str],
    /// How they end, where that matters.
    pub ends: &'static [&'static str],
    /// What is not admitted.
    pub outside: &'static [&'static str],
    admitted: Vec<Regex>,
}

/// Every policy for which paths are made up.
pub fn all() -> Vec<Policy> {
    let policy = |host: &str, paths: &[&str], inside, ends, outside| {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        Policy { inside, ends, outside, ..Policy::new(host.to_owned(), paths) }
    };
    vec![
        policy(
            "payments.test",
            &["/v1/payments/*"],
            &["/v1/payments/"],
            &[""],
            &["v1/admin", "admin", "v1/paymentsx"],
        ),
        policy(
            "gitlab.test",
            &["/api/v4/projects/*"],
            &["/api/v4/projects/", "/api/v4/projects/group%2fproject/"],
            &["", "/repository/files/src%2fmain.rs/raw"],
            &["api/v4/users", "admin", "internal/secret"],
        ),
        policy(
            "s3.test",
            &["/bucket/public/*"],
            &["/bucket/public/", "/bucket/public/a%2fb/"],
            &["", "/report 2024.csv", "/caf%c3%a9.txt"],
            &["bucket/private", "bucket", "internal"],
        ),
        policy(
            "odata.test",
            &["/odata/Products*"],
            &["/odata/Products(1)/", "/odata/Products('a%2fb')/", "/odata/Products/"],
            &["", "/$value", "/Name", "%28%27x%27%29"],
            &["odata/Users", "odata/$metadata", "admin"],
        ),
        policy(
            "npm.test",
            &["/@acme/*", "/@acme%2f*"],
            &["/@acme/", "/@acme%2f"],
            &["", "/-/pkg-1.0.0.tgz", "/latest"],
            &["@evil/pkg", "@evil%2fpkg", "admin", "-/all"],
        ),
        policy(
            "matrix.test",
            &["/maps/*"],
            &["/maps/city;lat=1;lon=2/", "/maps/", "/maps/a;x/b;y=%2f/"],
            &["", "/roads;page=2", ";v=1"],
            &["admin", "internal", "v1/admin;x"],
        ),
        policy(
            "accounts.test",
            &["/v1/accounts/{*}/public", "/v1/accounts/{*}/public/*"],
            &["/v1/accounts/7/", "/v1/accounts/a;v=1/", "/v1/accounts/a%20b/public/"],
            &["/public", "/public/x", "/public/"],
            &["secret", "7/secret", "v1/admin", "admin"],
        ),
        policy(
            "suffix.test",
            &["/files/*.json", "/v1/*/public"],
            &["/files/", "/files/a/", "/v1/accounts/7/"],
            &[".json", "/x.json", "/public", "/y.json"],
            &["files/secret", "admin", "v1/admin", "internal/x"],
        ),
    ]
}

impl Policy {
    /// A policy for which no paths are made up.
    pub fn new(host: String, paths: Vec<String>) -> Self {
        let admitted = paths.iter().map(|pattern| expression(pattern)).collect();
        Self { host, paths, inside: &[], ends: &[], outside: &[], admitted }
    }

    /// Whether a server may serve this path. A server that takes `/folder` and `/folder/` for one
    /// answers for what is in it.
    pub fn admits(&self, path: &[u8]) -> bool {
        let folder = [path, b"/"].concat();
        self.admitted.iter().any(|it| it.is_match(path) || it.is_match(&folder))
    }

    /// The server of the Gateway, as YAML.
    pub fn server(&self) -> String {
        let paths: Vec<String> = self.paths.iter().map(|path| format!("{path:?}")).collect();
        let (host, paths) = (&self.host, paths.join(", "));
        format!(
            "- name: {host}\n  hostname: {host}\n  authorization: {{local: {{rules: [{{name: admitted, \
             to: [{{methods: [GET], paths: [{paths}]}}]}}]}}}}\n"
        )
    }
}

/// A pattern by the words of the reference alone, with none of the engine's code.
fn expression(pattern: &str) -> Regex {
    let escaped = regex::escape(pattern);
    let one = escaped.replace(&regex::escape("{*}"), "[^/]+");
    let all = one.replace(&regex::escape("*"), ".*");
    Regex::new(&format!("(?s-u)^{all}$")).unwrap()
}
