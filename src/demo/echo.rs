//! An upstream that answers with what arrived.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::IntoResponse;
use serde::Serialize;

use super::server::{ANY_PORT, Server};

/// How many requests an [`Echo`] remembers; older ones are forgotten.
const REMEMBERED: usize = 1_000;

/// A request as it arrived upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Request method.
    pub method: String,
    /// `host` header or `:authority`.
    pub host: String,
    /// Path and query.
    pub path: String,
    /// Every header but `host`, in order of arrival; names in lower case, values as sent.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Received {
    /// The values of one header.
    pub fn header(&self, name: &str) -> Vec<&[u8]> {
        self.headers
            .iter()
            .filter(|(have, _)| have == name)
            .map(|(_, value)| value.as_slice())
            .collect()
    }
}

/// What the upstream answers: the request, as JSON. Bytes that are not UTF-8 are replaced, and
/// the values of a repeated header are joined with `, `.
#[derive(Debug, Serialize)]
struct Answer<'r> {
    method: &'r str,
    host: &'r str,
    path: &'r str,
    headers: BTreeMap<&'r str, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    body: String,
}

impl<'r> Answer<'r> {
    fn new(received: &'r Received) -> Self {
        let mut headers = BTreeMap::<&str, String>::new();
        for (name, value) in &received.headers {
            let value = String::from_utf8_lossy(value);
            headers
                .entry(name)
                .and_modify(|all| {
                    all.push_str(", ");
                    all.push_str(&value);
                })
                .or_insert_with(|| value.clone().into_owned());
        }
        Self {
            method: &received.method,
            host: &received.host,
            path: &received.path,
            headers,
            body: String::from_utf8_lossy(&received.body).into_owned(),
        }
    }
}

type Log = Arc<Mutex<VecDeque<Received>>>;

/// A running echo upstream. Dropping it stops the server.
#[derive(Debug)]
pub struct Echo {
    server: Server,
    log: Log,
}

impl Echo {
    /// Starts the upstream.
    ///
    /// # Errors
    /// When no port or no thread is to be had.
    pub fn start() -> std::io::Result<Self> {
        Self::start_on(ANY_PORT)
    }

    /// The same at an address.
    ///
    /// # Errors
    /// As [`Self::start`], and when the address is taken.
    pub fn start_on(address: SocketAddr) -> std::io::Result<Self> {
        let log = Log::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&log));
        Ok(Self { server: Server::start("demo-echo", address, router)?, log })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Takes the requests that arrived since the last call, oldest first; at most the last 1,000.
    pub fn take_received(&self) -> Vec<Received> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}

async fn answer(
    State(log): State<Log>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let host = headers.get(header::HOST).map(|value| text(value.as_bytes()));
    let received = Received {
        method: method.to_string(),
        host: host.or_else(|| uri.authority().map(ToString::to_string)).unwrap_or_default(),
        path: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: headers
            .iter()
            .filter(|(name, _)| *name != header::HOST)
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect(),
        body: body.to_vec(),
    };
    let mut json = serde_json::to_string_pretty(&Answer::new(&received)).unwrap_or_default();
    json.push('\n');
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    if log.len() >= REMEMBERED {
        log.pop_front();
    }
    log.push_back(received);
    ([(header::CONTENT_TYPE, "application/json")], json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_and_the_log_hold_what_arrived() {
        let echo = Echo::start().unwrap();
        let mut response = super::super::server::client()
            .post(format!("http://{}/a%2Fb?c=d", echo.address()))
            .header("x-jwt-payload", "eyJ9")
            .send("hello")
            .unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["method"], "POST");
        assert_eq!(answer["path"], "/a%2Fb?c=d");
        assert_eq!(answer["headers"]["x-jwt-payload"], "eyJ9");
        assert_eq!(answer["body"], "hello");

        let received = echo.take_received();
        assert_eq!(received.len(), 1);
        assert_eq!(received[0].host, echo.address().to_string());
        assert_eq!(received[0].header("x-jwt-payload"), [b"eyJ9"]);
        assert!(echo.take_received().is_empty());
    }

    #[test]
    fn dropping_the_handle_closes_the_port() {
        let echo = Echo::start().unwrap();
        let address = echo.address();
        drop(echo);
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}
