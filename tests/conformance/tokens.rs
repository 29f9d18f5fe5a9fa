//! Generated tokens.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::policies::{ISSUERS, often, one};
use super::requests::Aim;
use super::support::keys::ALGORITHMS;
use super::support::now;
use super::support::token::{By, Recipe};

/// What is peculiar about the token of a request, or the way it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peculiarity {
    None,
    NoExpiry,
    ZeroExpiry,
    DuplicateMember,
    WrongType,
    Forged,
    ForgedForAnotherAudience,
    AudienceSpelling,
    Algorithm,
    FullySpecified,
    Critical,
    UnknownKey,
    NotAToken,
    LowerCaseScheme,
    SpaceInFront,
    TwoTokens,
    TwiceTheSame,
    List,
    TextInFront,
    TextBehind,
}

/// A token, and what is peculiar about it.
pub fn token(random: &mut Rng, aim: Option<&Aim>) -> (String, Peculiarity) {
    use Peculiarity::*;
    let algorithm = match often(random, 85) {
        true => "ES256",
        false => one(random, &ALGORITHMS),
    };
    let mut claims = claims(random);
    if let Some(aim) = aim {
        aim.adapt(&mut claims);
    }
    let mut recipe = Recipe::default();
    let peculiarity = if often(random, 65) {
        None
    } else {
        match random.u8(..20) {
            0 => {
                recipe.signer = By::Other;
                Forged
            }
            1 => {
                recipe.signer = By::Other;
                claims["aud"] = "elsewhere".into();
                ForgedForAnotherAudience
            }
            2 => {
                claims["exp"] = 0.into();
                ZeroExpiry
            }
            3 => {
                claims["exp"] = 0.5.into();
                ZeroExpiry
            }
            4 => {
                claims["exp"] = Value::Null;
                NoExpiry
            }
            5 => {
                claims["exp"] = (now() - 1_000).into();
                None
            }
            6 => {
                claims["nbf"] = (now() + 1_000).into();
                None
            }
            7 => {
                claims["exp"] = "tomorrow".into();
                WrongType
            }
            8 => {
                claims["sub"] = 7.into();
                WrongType
            }
            9 => {
                claims["aud"] = json!(["api", 7]);
                WrongType
            }
            10 => {
                let payload = json!(claims).to_string();
                recipe.payload = Some(format!("{{\"sub\":\"bob\",{}", &payload[1..]));
                DuplicateMember
            }
            11 => {
                claims["aud"] =
                    one(random, &["http://api.test", "api.test", "api/", "https://api"])
                        .to_owned()
                        .into();
                AudienceSpelling
            }
            12 => {
                recipe.header.insert("kid".to_owned(), "unheard-of".into());
                UnknownKey
            }
            13 => {
                recipe.alg = Some("none".to_owned());
                recipe.signature = Some(String::new());
                Algorithm
            }
            14 => {
                recipe.header.insert("alg".to_owned(), "HS256".into());
                recipe.signer = By::PublicKeyAsSecret;
                Algorithm
            }
            15 => {
                recipe.header.insert("crit".to_owned(), json!(["exp"]));
                Critical
            }
            16 => {
                claims["exp"] = (now() + 1_000_000).into();
                None
            }
            17 => {
                recipe.header.insert("kid".to_owned(), Value::Null);
                None
            }
            18 => return ((*one(random, &["a.b.c", "token", "a.b", "..."])).to_owned(), NotAToken),
            _ => {
                let token = Recipe { claims: map(&claims), ..recipe }.token(algorithm);
                let cut = token.rfind('.').unwrap();
                return (token[..cut].to_owned(), NotAToken);
            }
        }
    };
    let peculiarity = if algorithm == "Ed25519" { FullySpecified } else { peculiarity };
    (Recipe { claims: map(&claims), ..recipe }.token(algorithm), peculiarity)
}

fn map(claims: &Value) -> Map<String, Value> {
    claims.as_object().unwrap().clone()
}

fn claims(random: &mut Rng) -> Value {
    let mut claims = json!({
        "iss": one(random, &[ISSUERS[0], ISSUERS[0], ISSUERS[0], ISSUERS[1], ISSUERS[2], "https://unknown.test"]),
        "sub": one(random, &["alice", "alice", "alice", "bob", "alison", ""]),
        "exp": now() + 3_600,
    });
    let texts = ["read", "write read", "reader", "write", "admin", "", " ", "read write"];
    if often(random, 70) {
        claims["aud"] = match random.u8(..6) {
            0 => json!(["x", "api"]),
            1 => json!("other"),
            2 => json!(["https://api.test/"]),
            _ => json!("api"),
        };
    }
    if often(random, 60) {
        claims["scope"] = one(random, &texts).to_owned().into();
    }
    if often(random, 20) {
        claims["permission"] = json!([one(random, &texts), one(random, &texts)]);
    }
    if often(random, 60) {
        claims["roles"] = match random.u8(..6) {
            0 => one(random, &texts).to_owned().into(),
            1 => json!([3, true, "read"]),
            2 => json!({"read": true}),
            3 => Value::from(random.u8(1..5)),
            4 => json!([["read"]]),
            _ => json!([one(random, &texts), one(random, &texts)]),
        };
    }
    if often(random, 50) {
        let values = [json!(true), json!(false), json!("true"), json!("admin"), json!(3.5)];
        claims["admin"] = one(random, &values).clone();
        claims["level"] = json!(random.u8(1..5));
    }
    if often(random, 40) {
        claims["nested"] = json!({"roles": [one(random, &texts)]});
        claims["https://example.com/roles"] = one(random, &texts).to_owned().into();
    }
    if often(random, 15) {
        claims["nested.roles"] = one(random, &texts).to_owned().into();
    }
    claims
}
