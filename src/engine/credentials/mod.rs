//! Where tokens are looked for in a request, and how they are taken out of it (RFC 6750).

mod cookie;
mod header;
mod query;
mod spelling;

use std::borrow::Cow;
use std::fmt;

use self::header::{BEARER, Repeated};
use super::decision::Mutations;
use super::header_names::{HeaderNames, is_spelling_of};
use super::request::Request;
use crate::policy::JwtRule;
use crate::policy::header::folded;

const ACCESS_TOKEN: &str = "access_token";

/// The places that the JWT rules of one server name, without repetition.
#[derive(Debug, Clone, Default)]
pub struct Locations {
    places: Vec<Place>,
    /// The headers among them.
    headers: HeaderNames,
}

#[derive(Debug, Clone)]
struct Place {
    kind: Kind,
    /// Positions of the JWT rules that read this place, within the server's list.
    rules: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Header { name: String, folded: String, prefix: String, any_case: bool },
    Cookie(String),
    Param(String),
}

/// What a request holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// No token in any place.
    Nothing,
    /// One token, perhaps in several places.
    Token(Credential<'a>),
    /// Two different tokens, or a repeated token header.
    Multiple,
}

/// A token and the places that hold it, as indices into [`Locations`].
#[derive(Debug, PartialEq, Eq)]
pub struct Credential<'a> {
    /// The token as it was sent.
    pub token: Cow<'a, [u8]>,
    place: usize,
    /// Further places; nearly always none, which takes no memory.
    others: Vec<usize>,
}

impl Credential<'_> {
    fn places(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.place).chain(self.others.iter().copied())
    }
}

impl Locations {
    /// Collects the places of a server's JWT rules, in the rules' order.
    pub fn new<'p>(rules: impl IntoIterator<Item = &'p JwtRule>) -> Self {
        let mut locations = Self::default();
        for (position, rule) in rules.into_iter().enumerate() {
            for header in &rule.from_headers {
                locations.add_header(&header.name, &header.prefix, false, position);
            }
            for name in &rule.from_cookies {
                locations.add(Kind::Cookie(name.clone()), position);
            }
            for name in &rule.from_params {
                locations.add(Kind::Param(name.clone()), position);
            }
            if uses_default_locations(rule) {
                locations.add_header("authorization", BEARER, true, position);
                locations.add(Kind::Param(ACCESS_TOKEN.to_owned()), position);
            }
        }
        locations
    }

    fn add_header(&mut self, name: &str, prefix: &str, any_case: bool, rule: usize) {
        let (name, folded, prefix) = (name.to_owned(), folded(name), prefix.to_owned());
        self.headers.insert(folded.clone());
        self.add(Kind::Header { name, folded, prefix, any_case }, rule);
    }

    fn add(&mut self, kind: Kind, rule: usize) {
        match self.places.iter_mut().find(|place| place.kind == kind) {
            Some(place) => place.rules.push(rule),
            None => self.places.push(Place { kind, rules: vec![rule] }),
        }
    }

    /// Where tokens are looked for, in words.
    pub fn in_words(&self) -> String {
        self.places.iter().map(|place| place.kind.to_string()).collect::<Vec<_>>().join(", ")
    }

    /// Looks through every place.
    pub fn find<'a>(&self, request: &Request<'a>) -> Found<'a> {
        let mut found: Option<Credential<'a>> = None;
        for (index, place) in self.places.iter().enumerate() {
            let Some(tokens) = place.kind.tokens(request) else { return Found::Multiple };
            for token in tokens {
                match &mut found {
                    None => found = Some(Credential { token, place: index, others: Vec::new() }),
                    Some(earlier) if earlier.token == token => earlier.others.push(index),
                    Some(_) => return Found::Multiple,
                }
            }
        }
        found.map_or(Found::Nothing, Found::Token)
    }

    /// The first place that holds a token, in words; the token may be there more than once.
    pub fn holding<'l>(&'l self, request: &Request<'_>) -> Option<impl fmt::Display + 'l> {
        self.places_with_tokens(request).next().map(|place| &place.kind)
    }

    /// The places that hold a token; those that hold two, or a repeated header, count.
    fn places_with_tokens<'l>(&'l self, request: &Request<'_>) -> impl Iterator<Item = &'l Place> {
        let holds =
            |place: &&Place| place.kind.tokens(request).is_none_or(|mut it| it.next().is_some());
        self.places.iter().filter(holds)
    }

    /// Whether the JWT rule at this position of the server's list reads one of the places that
    /// hold the token.
    pub fn reads(&self, rule: usize, credential: &Credential<'_>) -> bool {
        credential
            .places()
            .filter_map(|index| self.places.get(index))
            .any(|place| place.rules.contains(&rule))
    }

    /// Takes out everything that may hold a token to somebody, in whatever spelling of its name and
    /// whatever form: nobody has verified it. What `kept` was found in stays.
    pub fn strip<'e>(
        &'e self,
        kept: Option<&Credential<'_>>,
        request: &Request<'_>,
        mutations: &mut Mutations<'e>,
    ) {
        for sent in self.unread(kept, request) {
            let name = String::from_utf8_lossy(sent);
            if !mutations.remove.contains(&name) {
                let own = self.places.iter().find_map(|place| place.kind.header_sent_as(sent));
                mutations.remove.push(own.map_or_else(|| name.into_owned().into(), Cow::from));
            }
        }
        // Most requests have no query, and few servers read cookies.
        if request.path().contains(&b'?')
            && let (params, kept) = self.named(kept, Kind::param)
            && let Some(path) = query::without(request.path(), &params, &kept)
        {
            mutations.set.push((":path", path.into()));
        }
        if self.places.iter().any(|place| place.kind.cookie().is_some())
            && let (cookies, kept) = self.named(kept, Kind::cookie)
            && let Some(rest) = cookie::without(request, &cookies, &kept)
        {
            // There may be several headers, and setting one leaves the others.
            mutations.remove.push("cookie".into());
            if !rest.is_empty() {
                mutations.set.push(("cookie", rest.into()));
            }
        }
    }

    /// The names of all places of a kind, and of those of them that hold a token.
    fn named<'l>(
        &'l self,
        token: Option<&Credential<'_>>,
        name: impl Fn(&'l Kind) -> Option<&'l str>,
    ) -> (Vec<&'l str>, Vec<&'l str>) {
        let all = self.places.iter().filter_map(|place| name(&place.kind));
        let holding = token.into_iter().flat_map(Credential::places);
        let holding = holding.filter_map(|index| name(&self.places.get(index)?.kind));
        (all.collect(), holding.collect())
    }

    /// The names of headers that may hold a token, as they came, but for that of `verified`.
    pub fn unread<'a>(
        &self,
        verified: Option<&Credential<'_>>,
        request: &Request<'a>,
    ) -> impl Iterator<Item = &'a [u8]> {
        let is_verified = move |name: &[u8]| {
            let mut places = verified.into_iter().flat_map(Credential::places);
            places.any(|index| {
                self.places.get(index).is_some_and(|it| it.kind.header_sent_as(name).is_some())
            })
        };
        let headers = request.headers.iter();
        headers
            .filter(move |(name, value)| self.may_hold_token(name, value) && !is_verified(name))
            .map(|(name, _)| *name)
    }

    /// Whether somebody may take a header for one of these places and find a token in it.
    fn may_hold_token(&self, name: &[u8], value: &[u8]) -> bool {
        self.headers.contains(name)
            && self.places.iter().any(|place| match &place.kind {
                Kind::Header { folded, prefix, .. } => {
                    is_spelling_of(name, folded) && header::may_hold_token(value, prefix)
                }
                Kind::Cookie(_) | Kind::Param(_) => false,
            })
    }

    /// Whether somebody may take a trailer for one of these places and find a token in it.
    pub fn may_be_in_trailer(&self, name: &[u8], value: &[u8]) -> bool {
        self.may_hold_token(name, value)
            || (name.eq_ignore_ascii_case(b"cookie")
                && self.places.iter().any(|place| {
                    matches!(&place.kind, Kind::Cookie(wanted) if cookie::may_hold(value, wanted))
                }))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { name, .. } => write!(f, "`{name}`"),
            Self::Cookie(name) => write!(f, "the cookie `{}`", name.escape_debug()),
            Self::Param(name) => write!(f, "the query parameter `{}`", name.escape_debug()),
        }
    }
}

impl Kind {
    /// The header's name, if it was sent under it.
    fn header_sent_as(&self, sent: &[u8]) -> Option<&str> {
        match self {
            Self::Header { name, .. } if name.as_bytes() == sent => Some(name),
            _ => None,
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Param(name) => Some(name),
            _ => None,
        }
    }

    fn cookie(&self) -> Option<&str> {
        match self {
            Self::Cookie(name) => Some(name),
            _ => None,
        }
    }

    /// The tokens in this place; absent when a token header is repeated.
    fn tokens<'a>(&self, request: &Request<'a>) -> Option<impl Iterator<Item = Cow<'a, [u8]>>> {
        let (header, several) = match self {
            Self::Header { name, prefix, any_case, .. } => {
                match header::token(request, name, prefix, *any_case) {
                    Ok(token) => (token, Vec::new()),
                    Err(Repeated) => return None,
                }
            }
            Self::Cookie(name) => (None, cookie::tokens(request, name)),
            Self::Param(name) => (None, query::tokens(request, name)),
        };
        Some(header.map(Cow::Borrowed).into_iter().chain(several))
    }
}

/// Whether a rule names no place of its own.
pub fn uses_default_locations(rule: &JwtRule) -> bool {
    rule.from_headers.is_empty() && rule.from_cookies.is_empty() && rule.from_params.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{CertificateBound, HeaderLocation, JwksSource};

    fn rule(headers: &[(&str, &str)], cookies: &[&str], params: &[&str]) -> JwtRule {
        JwtRule {
            issuer: "i".into(),
            audiences: vec![],
            jwks: JwksSource::Inline(String::new()),
            from_headers: headers
                .iter()
                .map(|(name, prefix)| HeaderLocation {
                    name: (*name).into(),
                    prefix: (*prefix).into(),
                })
                .collect(),
            from_cookies: cookies.iter().map(|name| (*name).to_owned()).collect(),
            from_params: params.iter().map(|name| (*name).to_owned()).collect(),
            output_payload_to_header: None,
            output_claim_to_headers: vec![],
            forward_original_token: false,
            clock_skew_seconds: 60,
            require_expiration: false,
            max_lifetime_seconds: None,
            token_types: None,
            required_claims: Vec::new(),
            certificate_bound: CertificateBound::Ignored,
            workload_bound: None,
        }
    }

    fn request<'a>(headers: &[(&'a str, &'a str)]) -> Request<'a> {
        Request {
            headers: headers.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect(),
            claims: None,
        }
    }

    /// The token found, or `-`, or `multiple`.
    fn token(locations: &Locations, headers: &[(&str, &str)]) -> String {
        match locations.find(&request(headers)) {
            Found::Nothing => "-".to_owned(),
            Found::Multiple => "multiple".to_owned(),
            Found::Token(credential) => String::from_utf8(credential.token.into_owned()).unwrap(),
        }
    }

    #[test]
    fn default_places() {
        let locations = Locations::new([&rule(&[], &[], &[])]);
        let table: [(&[(&str, &str)], &str); 17] = [
            (&[], "-"),
            (&[("authorization", "Bearer t")], "t"),
            (&[("authorization", "bEARER   t ")], "t"),
            (&[("authorization", "Bearer")], "-"),
            (&[("authorization", "Bearer ")], "-"),
            (&[("authorization", "Bearert")], "-"),
            (&[("authorization", "Basic t")], "-"),
            (&[("authorization", "Digest a=b, c=d")], "-"),
            (&[("authorization", "Bearer a,Bearer a")], "multiple"),
            (&[("authorization", "Basic x, bearer a")], "multiple"),
            (&[("authorization", "Bearer t"), ("authorization", "Basic x")], "multiple"),
            (&[(":path", "/x?access_token=t")], "t"),
            (&[(":path", "/x?a=b&access%5ftoken=%74")], "t"),
            (&[(":path", "/x?access_token=")], "-"),
            (&[(":path", "/x?access_token=t"), ("authorization", "Bearer t")], "t"),
            (&[(":path", "/x?access_token=u"), ("authorization", "Bearer t")], "multiple"),
            (&[(":path", "/access_token=t"), ("x-token", "u"), ("cookie", "access_token=v")], "-"),
        ];
        for (headers, expected) in table {
            assert_eq!(token(&locations, headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn listed_places_replace_the_default() {
        let locations =
            Locations::new([&rule(&[("x-token", ""), ("x-auth", "JWT ")], &["sid"], &["t"])]);
        let table: [(&[(&str, &str)], &str); 10] = [
            (&[("authorization", "Bearer t")], "-"),
            (&[("x-token", "a")], "a"),
            (&[("x-auth", "JWT a")], "a"),
            (&[("x-auth", "jwt a")], "-"),
            (&[("cookie", "a=b; sid=c; d=e")], "c"),
            (&[("cookie", "a=b"), ("cookie", "sid=\"c\"")], "c"),
            (&[("cookie", "sid=c; sid=d")], "multiple"),
            (&[("cookie", "xsid=c")], "-"),
            (&[(":path", "/?t=q")], "q"),
            (&[(":path", "/?t=q&t=r")], "multiple"),
        ];
        for (headers, expected) in table {
            assert_eq!(token(&locations, headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn only_the_token_is_taken_out() {
        let locations = Locations::new([&rule(&[("x-token", "")], &["sid"], &["t"])]);
        let headers = [
            (":path", "/x?a=1&%74=tok&b=2"),
            ("x-token", "tok"),
            ("cookie", "a=b; sid=tok"),
            ("cookie", "d=e"),
        ];
        let request = request(&headers);
        let mut mutations = Mutations::default();
        locations.strip(None, &request, &mut mutations);
        assert_eq!(mutations.remove, ["x-token", "cookie"]);
        assert_eq!(
            mutations.set,
            [(":path", b"/x?a=1&b=2"[..].into()), ("cookie", b"a=b; d=e"[..].into())]
        );
    }

    #[test]
    fn a_rule_only_reads_its_own_places() {
        let locations =
            Locations::new([&rule(&[("x-a", "")], &[], &[]), &rule(&[("x-b", "")], &[], &[])]);
        let Found::Token(credential) = locations.find(&request(&[("x-b", "t")])) else {
            panic!("no token")
        };
        assert!(!locations.reads(0, &credential));
        assert!(locations.reads(1, &credential));
    }
}
