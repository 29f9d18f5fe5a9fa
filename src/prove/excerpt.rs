//! Some hosts of a policy, with all that they refer to: engines for a few hosts of many are made of
//! such.

use std::collections::{BTreeMap, HashMap};

use super::side::{View, pick};
use crate::policy::{EgressHost, Policy, Rule, Server};

/// The part of a policy that decides for these hosts.
pub fn excerpt<'h>(view: &View<'_>, hosts: impl Iterator<Item = &'h str>) -> Policy {
    let policy = view.policy();
    let mut excerpt = Excerpt { policy, made: without_hosts(policy), moved: HashMap::new() };
    let (mut servers, mut egress) = (BTreeMap::new(), BTreeMap::new());
    for host in hosts {
        servers.extend(view.server(host).map(|server| (server.hostname.as_str(), server)));
        egress.extend(view.egress(host).map(|host| (host.hostname.as_str(), host)));
    }
    for server in servers.into_values() {
        excerpt.server(server);
    }
    for host in egress.into_values() {
        excerpt.egress(host);
    }
    excerpt.made
}

/// What a policy says of all hosts.
pub(super) fn without_hosts(policy: &Policy) -> Policy {
    Policy {
        version: policy.version,
        gateway: policy.gateway.clone(),
        default_action: policy.default_action,
        access_log_fields: policy.access_log_fields,
        jwt_rules: Vec::new(),
        principals: Vec::new(),
        operations: Vec::new(),
        rules: Vec::new(),
        servers: Vec::new(),
        egress_rules: Vec::new(),
        egress: Vec::new(),
        source_identity: policy.source_identity.clone(),
    }
}

/// A table of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Table {
    JwtRules,
    Principals,
    Operations,
    Rules,
    EgressRules,
}

struct Excerpt<'p> {
    policy: &'p Policy,
    made: Policy,
    /// Where what stood in a table stands now.
    moved: HashMap<(Table, u32), u32>,
}

impl Excerpt<'_> {
    fn server(&mut self, server: &Server) {
        let mut server = server.clone();
        if let Some(authentication) = &mut server.authentication {
            authentication.jwt = self.all(&authentication.jwt, Self::jwt_rule);
        }
        if let Some(authorization) = &mut server.authorization {
            authorization.rules = self.all(&authorization.rules, Self::rule);
        }
        self.made.servers.push(server);
    }

    fn egress(&mut self, host: &EgressHost) {
        let mut host = host.clone();
        host.rules = self.all(&host.rules, Self::egress_rule);
        self.made.egress.push(host);
    }

    /// The indices of what some indices refer to, once it was moved.
    fn all(&mut self, indices: &[u32], one: fn(&mut Self, u32) -> Option<u32>) -> Vec<u32> {
        indices.iter().filter_map(|index| one(self, *index)).collect()
    }

    fn jwt_rule(&mut self, index: u32) -> Option<u32> {
        let own = pick(&self.policy.jwt_rules, index);
        self.moved(Table::JwtRules, index, |_| own.cloned(), |made| &mut made.jwt_rules)
    }

    fn principal(&mut self, index: u32) -> Option<u32> {
        let own = pick(&self.policy.principals, index);
        self.moved(Table::Principals, index, |_| own.cloned(), |made| &mut made.principals)
    }

    fn operation(&mut self, index: u32) -> Option<u32> {
        let own = pick(&self.policy.operations, index);
        self.moved(Table::Operations, index, |_| own.cloned(), |made| &mut made.operations)
    }

    fn rule(&mut self, index: u32) -> Option<u32> {
        let rule = pick(&self.policy.rules, index);
        let make = |excerpt: &mut Self| {
            let rule = rule?;
            let from = rule.from.as_ref().map(|from| excerpt.all(from, Self::principal));
            let to = rule.to.as_ref().map(|to| excerpt.all(to, Self::operation));
            Some(Rule { name: rule.name.clone(), from, to })
        };
        self.moved(Table::Rules, index, make, |made| &mut made.rules)
    }

    fn egress_rule(&mut self, index: u32) -> Option<u32> {
        let rule = pick(&self.policy.egress_rules, index);
        let make = |excerpt: &mut Self| {
            let mut own = rule?.clone();
            own.to = own.to.as_ref().map(|to| excerpt.all(to, Self::operation));
            Some(own)
        };
        self.moved(Table::EgressRules, index, make, |made| &mut made.egress_rules)
    }

    /// Where an entry of a table stands now; it is made the first time that it is asked for.
    fn moved<T>(
        &mut self,
        table: Table,
        index: u32,
        make: impl FnOnce(&mut Self) -> Option<T>,
        entries: fn(&mut Policy) -> &mut Vec<T>,
    ) -> Option<u32> {
        if let Some(known) = self.moved.get(&(table, index)) {
            return Some(*known);
        }
        let own = make(self)?;
        let entries = entries(&mut self.made);
        let now = u32::try_from(entries.len()).ok()?;
        entries.push(own);
        self.moved.insert((table, index), now);
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::example::{Example, Judge, Sender, Token};
    use super::super::tables::Tables;
    use super::*;

    /// An excerpt decides for its hosts as the whole does.
    #[test]
    fn an_excerpt_decides_as_the_whole_does() {
        let policy: Policy = serde_json::from_value(json!({
            "version": 1, "gateway": "n/g",
            "jwt_rules": [
                {"issuer": "https://a.test", "jwks": {"remote": {"uri": "https://a.test/k", "cluster": "a"}}},
                {"issuer": "https://b.test", "jwks": {"remote": {"uri": "https://b.test/k", "cluster": "b"}}},
            ],
            "principals": [{"sub": "alice"}, {"sub": "bob"}],
            "operations": [{"methods": ["GET"]}, {"paths": ["/v1/*"]}],
            "rules": [{"name": "a", "from": [0], "to": [0]}, {"name": "b", "from": [1], "to": [1]}],
            "servers": [
                {"name": "one", "hostname": "one.test", "authentication": {"jwt": [0]},
                 "authorization": {"rules": [0]}},
                {"name": "two", "hostname": "*.test", "authentication": {"jwt": [1]},
                 "authorization": {"rules": [1]}},
                {"name": "three", "hostname": "three.test"},
            ],
            "egress_rules": [{"name": "e", "from": ["x/y"], "to": [1]}],
            "egress": [{"hostname": "three.test", "rules": [0]}],
        }))
        .unwrap();
        let mut tables = Tables::default();
        let view = View::new(&policy, &mut tables);
        let whole = Judge::new(&policy, 0).unwrap();
        let mut allowed = 0;
        for hosts in [&["x.test"][..], &["three.test"], &["one.test", "three.test"]] {
            let excerpt = excerpt(&view, hosts.iter().copied());
            assert!(excerpt.servers.len() < 3 && excerpt.rules.len() < 2);
            let part = Judge::new(&excerpt, 0).unwrap();
            for host in hosts {
                for issuer in ["https://a.test", "https://b.test"] {
                    for (sub, path) in [("alice", "/"), ("bob", "/v1/x"), ("alice", "/v1/y")] {
                        let claims = json!({"iss": issuer, "sub": sub});
                        let example = Example {
                            host: (*host).to_owned(),
                            method: "GET".to_owned(),
                            path: Some(path.to_owned()),
                            token: Token::new(claims.as_object().unwrap().clone()).unwrap(),
                            sender: Sender {
                                peer: Some("spiffe://cluster.local/ns/x/sa/y".to_owned()),
                                behind: None,
                                certificate: None,
                            },
                        };
                        let answer = whole.decide(&example);
                        assert_eq!(part.decide(&example), answer, "{example:?}");
                        allowed += usize::from(answer.allowed);
                    }
                }
            }
        }
        assert!(allowed > 3, "{allowed}");
    }
}
