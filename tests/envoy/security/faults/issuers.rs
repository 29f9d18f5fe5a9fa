//! Key servers that are down, hang, are slow, fail, lie, or are not who they should be: before
//! their keys were ever there, and after.

use egress_auth::demo::echo::Echo;

use super::{
    BAD, Count, WORKERS, bad, good, good_token, server, token_of_other_key, until_it_passes,
};
use crate::support::gateway::Gateway;
use crate::support::jwks::{Behaviour, Jwks};
use crate::support::keys;
use crate::support::raw::Request;
use crate::support::tls::Authority;

/// Good requests to each issuer's API at once.
const AT_ONCE: usize = 20;

/// How a server fails.
struct Fault {
    name: &'static str,
    what: &'static str,
    begin: Behaviour,
    /// What it does when it fails again, later.
    again: Behaviour,
    tls: Option<Tls>,
}

/// What is wrong with the server's TLS.
#[derive(Clone, Copy)]
enum Tls {
    PlainText,
    WrongCa,
    WrongName,
}

fn faults() -> Vec<Fault> {
    let serve = |body: &str| Behaviour::Serve(body.to_owned());
    let huge = format!("{}{}", keys::all_keys(), " ".repeat(256 * 1_024));
    let fault = |name, what, begin: Behaviour| {
        let again = if begin == Behaviour::Refuse { Behaviour::Close } else { begin.clone() };
        Fault { name, what, begin, again, tls: None }
    };
    let tls = |name, what, tls| Fault {
        tls: Some(tls),
        ..fault(name, what, Behaviour::Serve(keys::all_keys()))
    };
    vec![
        fault("down", "JWKS server down", Behaviour::Refuse),
        fault("hangs", "JWKS server hangs", Behaviour::Hold),
        fault("slow", "JWKS server stops half-way", Behaviour::Stall),
        fault("fails", "JWKS server answers 500", Behaviour::Fail(500)),
        fault("huge", "JWKS over 256 KiB", Behaviour::Serve(huge)),
        fault("garbage", "JWKS is no JSON", serve("<html>")),
        fault("empty", "JWKS without keys", serve("{\"keys\": []}")),
        fault("nothing", "JWKS of no bytes", serve("")),
        tls("plain", "JWKS server without TLS", Tls::PlainText),
        tls("wrong-ca", "JWKS server of another CA", Tls::WrongCa),
        tls("wrong-name", "JWKS server of another name", Tls::WrongName),
    ]
}

fn run(workers: usize) {
    let (trusted, stranger) = (Authority::new(), Authority::new());
    let acceptor = |tls: Option<Tls>| match tls {
        None => Some(trusted.issue(&["localhost"]).acceptor(&["http/1.1"])),
        Some(Tls::PlainText) => None,
        Some(Tls::WrongCa) => Some(stranger.issue(&["localhost"]).acceptor(&["http/1.1"])),
        Some(Tls::WrongName) => Some(trusted.issue(&["other.test"]).acceptor(&["http/1.1"])),
    };
    let (echo, faults) = (Echo::start().unwrap(), faults());
    let start = |fault: &Fault| Jwks::with(fault.begin.clone(), acceptor(fault.tls));
    let issuers: Vec<Jwks> = faults.iter().map(start).collect();
    let servers: String = faults
        .iter()
        .zip(&issuers)
        .map(|(fault, issuer)| {
            let port = issuer.address().port();
            server(fault.name, &format!("https://localhost:{port}/jwks"))
        })
        .collect();
    let gateway = Gateway::of_servers(&servers).environment("SSL_CERT_FILE", trusted.file());
    let envoy = faults
        .iter()
        .fold(gateway, |it, fault| it.upstream(&format!("{}.api", fault.name), echo.address()))
        .start(workers);
    let to = envoy.gateway();
    let mut counts: Vec<Count> = faults.iter().map(|_| Count::default()).collect();
    let tokens: Vec<String> = faults.iter().map(|fault| good_token(fault.name)).collect();

    // All at once, so that no fault waits for another: (good ones that passed) of all.
    let round = |counts: &mut [Count], passes: bool| {
        let open: Vec<_> = faults
            .iter()
            .zip(&tokens)
            .map(|(fault, token)| {
                let good: Vec<_> = (0..AT_ONCE).map(|_| good(fault.name, token).open(to)).collect();
                // This one asks for new keys.
                let unknown = token_of_other_key(fault.name);
                let unknown =
                    Request::new("GET", format!("{}.api", fault.name), BAD).bearer(&unknown);
                let bad = bad(fault.name).into_iter().chain([unknown]);
                let bad: Vec<_> = bad.map(|request| request.open(to)).collect();
                (good, bad)
            })
            .collect();
        let mut passed = 0;
        for ((good, bad), count) in open.into_iter().zip(counts.iter_mut()) {
            let mine = count.good(good);
            assert_eq!(mine, if passes { AT_ONCE } else { 0 });
            passed += mine;
            count.bad(bad);
        }
        // Bad ones of all issuers count with the first.
        assert_eq!(counts[0].arrived(&echo), passed, "answered with 200, and arrived");
    };

    // Nobody knows any key.
    round(&mut counts, false);
    for issuer in &issuers {
        issuer.behave(Behaviour::Serve(keys::all_keys()));
        issuer.present(acceptor(None));
    }
    counts.iter_mut().for_each(Count::fault_ends);
    for ((fault, token), count) in faults.iter().zip(&tokens).zip(&mut counts) {
        until_it_passes(count, fault.what, &good(fault.name, token), to);
        count.arrived(&echo);
    }
    round(&mut counts, true);
    // Every fault once more; the tokens of keys that are not known ask for new ones all the time.
    for (fault, issuer) in faults.iter().zip(&issuers) {
        issuer.behave(fault.again.clone());
        issuer.present(acceptor(fault.tls));
    }
    round(&mut counts, true);
    for (fault, count) in faults.iter().zip(counts) {
        let remark = "503 while there are no keys; then none, though it fails again";
        count.finish(fault.what, workers, &[503], remark);
    }
}

#[test]
fn no_failing_key_server_lets_anything_in() {
    WORKERS.into_iter().for_each(run);
}
