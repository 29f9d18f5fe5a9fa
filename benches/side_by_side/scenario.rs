//! What is sent to which Gateway, and who is compared. Scenarios of one group are measured in the
//! same rounds, so their figures can be compared with each other.

use super::gateway::{Clients, Shape};
use super::requests::Traffic;
use super::signer::Algorithm;
use super::variant::Variant;
use super::variant::Variant::{Filter, Native, NativeLinear, NativeUncached, None as NoFilter};

/// One kind of traffic to one kind of Gateway.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name on the command line and in results.
    pub name: String,
    /// What it is, in a few words.
    pub about: String,
    /// The Gateway.
    pub shape: Shape,
    /// The requests.
    pub traffic: Traffic,
    /// Headers of each request beside those it needs.
    pub headers: usize,
    /// Who is compared.
    pub variants: Vec<Variant>,
}

impl Scenario {
    fn new(name: &str, about: &str, traffic: Traffic, variants: &[Variant]) -> Self {
        Self {
            name: name.to_owned(),
            about: about.to_owned(),
            shape: Shape::PLAIN,
            traffic,
            headers: 0,
            variants: variants.to_vec(),
        }
    }

    fn of(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// The same with another module beside the filter.
    pub fn beside_other_module(mut self) -> Self {
        if self.variants.contains(&Filter) {
            self.variants.push(Variant::OtherModule);
        }
        self
    }
}

/// Numbers of hosts that are compared with each other.
pub const HOSTS: [usize; 4] = [1, 100, 1_000, 10_000];

const WARM: Traffic = Traffic::Warm { tokens: 1 };

/// Name of the warm scenario with so many hosts.
pub fn warm(hosts: usize) -> String {
    match hosts {
        1 => "warm".to_owned(),
        _ => format!("warm-{hosts}-hosts"),
    }
}

/// Name of the scenario in which requests go to all of so many hosts.
pub fn spread(hosts: usize) -> String {
    format!("{}-spread", warm(hosts))
}

/// All scenarios, in groups.
pub fn groups() -> Vec<Vec<Scenario>> {
    vec![hosts(), requests(), cold(), refused(), mutual_tls()]
}

fn hosts() -> Vec<Scenario> {
    let everything: &[Variant] = &[NoFilter, Native, NativeLinear, NativeUncached, Filter];
    let compared: &[Variant] = &[Native, NativeLinear, Filter];
    let mut scenarios = vec![Scenario::new("warm", "1 host, 1 token", WARM, everything)];
    for hosts in HOSTS.into_iter().skip(1) {
        let shape = Shape { hosts, ..Shape::PLAIN };
        let about = format!("{hosts} hosts, requests to the one whose policy is last");
        scenarios.push(Scenario::new(&warm(hosts), &about, WARM, compared).of(shape));
        if hosts > 100 {
            let about = format!("{hosts} hosts, requests to all of them in no order");
            let traffic = Traffic::WarmSpread;
            scenarios.push(Scenario::new(&spread(hosts), &about, traffic, compared).of(shape));
        }
    }
    scenarios
}

fn requests() -> Vec<Scenario> {
    let two: &[Variant] = &[Native, Filter];
    let tokens = Traffic::Warm { tokens: 1_000 };
    let rules = Shape { rules: 100, ..Shape::PLAIN };
    let bare = Shape { output_header: false, ..Shape::PLAIN };
    let about = "1 host with 100 rules, the last of which admits the request";
    vec![
        Scenario::new("warm-1000-tokens", "1 host, 1,000 tokens in turn", tokens, two),
        Scenario::new("warm-100-rules", about, WARM, &[Native, NativeLinear, Filter]).of(rules),
        Scenario::new("warm-no-output-header", "nothing but the decision", WARM, two).of(bare),
        Scenario {
            headers: 20,
            ..Scenario::new(
                "warm-20-headers",
                "requests with 20 further headers",
                WARM,
                &[NoFilter, Native, Filter],
            )
        },
    ]
}

fn cold() -> Vec<Scenario> {
    [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]
        .map(|algorithm| {
            let name = format!("cold-{}", algorithm.name().to_lowercase());
            let about = format!("every token unknown, {}", algorithm.name());
            let shape = Shape { algorithm, ..Shape::PLAIN };
            Scenario::new(&name, &about, Traffic::Cold, &[Native, Filter]).of(shape)
        })
        .into()
}

fn refused() -> Vec<Scenario> {
    let about = "forged tokens, all different, and 10 % good requests; latency is that of the good";
    vec![
        Scenario::new(
            "denied",
            "403: a known token, no rule admits the path",
            Traffic::Denied,
            &[Native, NativeLinear, Filter],
        ),
        Scenario::new("missing", "401: no token", Traffic::Missing, &[Native, Filter]),
        Scenario::new("flood", about, Traffic::Flood, &[Native, NativeUncached, Filter]),
    ]
}

fn mutual_tls() -> Vec<Scenario> {
    let by_workload = Shape { workloads: true, clients: Clients::Mutual, ..Shape::PLAIN };
    let about = "over mTLS, by token and egressAuthorization: the workload in the peer certificate";
    let all: &[Variant] = &[NoFilter, Native, NativeLinear, Filter];
    let of = |clients| Shape { clients, ..Shape::PLAIN };
    vec![
        Scenario::new("mtls", about, WARM, all).of(by_workload),
        Scenario::new("mtls-token", "over mTLS, by token", WARM, &[Filter]).of(of(Clients::Mutual)),
        Scenario::new(
            "mtls-bound",
            "over mTLS, by a token that is bound to the client certificate",
            WARM,
            &[Filter],
        )
        .of(of(Clients::Bound)),
    ]
}
