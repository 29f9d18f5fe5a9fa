//! A request over mTLS, in HTTP/1.1 or HTTP/2.

use std::net::SocketAddr;

use crate::support::LIMIT;
use crate::support::raw;
use crate::support::tls::Client;

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    One,
    /// HTTP/2.
    Two,
}

impl Protocol {
    /// Either.
    pub const ALL: [Self; 2] = [Self::One, Self::Two];
}

/// What came back: the status and the challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub challenge: String,
}

/// Sends `GET https://host/path` with more headers.
pub fn send(
    protocol: Protocol,
    client: &Client,
    gateway: SocketAddr,
    host: &str,
    headers: &[(&str, String)],
) -> Reply {
    match protocol {
        Protocol::One => {
            let mut request = raw::Request::new("GET", host, "/");
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let response = request.send_as(client, gateway);
            let challenge = response.header("www-authenticate").to_owned();
            Reply { status: response.status, challenge }
        }
        Protocol::Two => {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let exchange = exchange(client, gateway, host, headers);
            runtime.block_on(async { tokio::time::timeout(LIMIT, exchange).await }).unwrap()
        }
    }
}

async fn exchange(
    client: &Client,
    gateway: SocketAddr,
    host: &str,
    headers: &[(&str, String)],
) -> Reply {
    let stream = client.connect_http2(gateway, "gateway.test").await;
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut request = http::Request::get(format!("https://{host}/"));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let mut sender = sender.ready().await.unwrap();
    let (response, _) = sender.send_request(request.body(()).unwrap(), true).unwrap();
    let response = response.await.unwrap();
    let challenge = response.headers().get("www-authenticate");
    let challenge = challenge.map_or("", |value| value.to_str().unwrap()).to_owned();
    Reply { status: response.status().as_u16(), challenge }
}
