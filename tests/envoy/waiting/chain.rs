//! Two filters of one VM in one chain: what one lets go, the other decides.

use egress_auth::demo::echo::Echo;

use super::{POSITION, filters, gateway, get, serve, token, until_active};
use crate::support::envoy::Envoy;
use crate::support::jwks::{Behaviour, Jwks};
use crate::support::keys::Signer;
use crate::support::raw::{Pending, Request};

/// Requests that are resumed together.
const TOGETHER: usize = 20;

/// An Envoy in which the filter of the Gateway `first` stands before that of `second`. Both
/// Gateways have the same name, so both filters live in one VM.
fn chain(issuers: &[Jwks; 2], echo: &Echo) -> Envoy {
    let [first, second] = issuers;
    let mut bootstrap = gateway("first", "/first, /both", first, echo.address()).bootstrap();
    let mut other = gateway("second", "/second, /both", second, echo.address()).bootstrap();
    let clusters = |value: &mut serde_json::Value| {
        value["static_resources"]["clusters"].as_array_mut().unwrap().clone()
    };
    let known = clusters(&mut bootstrap);
    let further = clusters(&mut other).into_iter();
    let further = further.filter(|it| known.iter().all(|known| known["name"] != it["name"]));
    bootstrap["static_resources"]["clusters"].as_array_mut().unwrap().extend(further);
    let mut filter = filters(&mut other).remove(POSITION);
    filter["name"] = "second".into();
    filters(&mut bootstrap).insert(POSITION + 1, filter);
    Envoy::start(&bootstrap, 1).unwrap()
}

fn request(path: &str, signers: [Option<Signer>; 2]) -> Request {
    let names = ["first", "second"].into_iter().zip(signers);
    let with = |request: Request, (name, signer): (&str, Option<Signer>)| match signer {
        Some(signer) => request.header(format!("x-{name}"), token(name, signer)),
        None => request,
    };
    names.fold(get(path), with)
}

#[test]
fn requests_that_are_resumed_together_are_decided_by_both() {
    let (held, served) = (Behaviour::Hold, || serve(&[Signer::Issuer]));
    let good = Some(Signer::Issuer);
    let table = [
        ("/both", [good, good], 200),
        ("/first", [good, good], 403),
        ("/second", [good, good], 403),
        ("/both", [good, None], 401),
        ("/both", [good, Some(Signer::Other)], 401),
        ("/both", [Some(Signer::Other), good], 401),
    ];
    // Which of the two knows its keys beforehand; neither does at last.
    for knows in [[false, true], [true, false], [false, false]] {
        let echo = Echo::start().unwrap();
        let behaviour = |knows: bool| if knows { served() } else { held.clone() };
        let issuers = knows.map(|knows| Jwks::with(behaviour(knows), None));
        let envoy = chain(&issuers, &echo);
        for issuer in &issuers {
            issuer.until_asked(1);
        }
        let waiting: Vec<(u16, Pending)> = table
            .iter()
            .flat_map(|(path, signers, status)| {
                let request = request(path, *signers);
                let times = if *status == 200 { TOGETHER } else { 3 };
                (0..times).map(move |_| (*status, request.clone())).collect::<Vec<_>>()
            })
            .map(|(status, request)| (status, request.open(envoy.gateway())))
            .collect();
        // All of them, but for those that need no keys to be turned away.
        let answered = |pending: &&(u16, Pending)| pending.1.has_answer();
        crate::support::eventually("requests that wait", || {
            let answered = waiting.iter().filter(answered).count();
            let active = envoy.stat("http.egress.downstream_rq_active")?;
            (usize::try_from(active).unwrap() + answered == waiting.len()).then_some(())
        });
        assert!(echo.take_received().is_empty(), "{knows:?}: nothing arrives while it waits");
        for issuer in &issuers {
            issuer.behave(served());
        }
        let mut passed = 0;
        for (status, pending) in waiting {
            assert_eq!(pending.response().status, status, "{knows:?}");
            passed += usize::from(status == 200);
        }
        let arrived = echo.take_received();
        assert_eq!(arrived.len(), passed, "{knows:?}");
        let tokens = |name: &str| arrived.iter().all(|request| request.header(name).is_empty());
        assert!(tokens("x-first") && tokens("x-second"), "{knows:?}: tokens are taken out");
        until_active(&envoy, 0);
    }
}
