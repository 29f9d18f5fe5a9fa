//! HTTP/2 requests in plain text, with trailers: gRPC is spoken that way.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use tokio::net::TcpStream;

use super::LIMIT;

/// Sends one request with its trailers on a connection of its own, and returns the head of the
/// response. gRPC denials have no body: they are all head.
pub fn send(to: SocketAddr, request: Request<&'static str>, trailers: HeaderMap) -> Response<()> {
    try_send(to, request, trailers).unwrap()
}

/// The same; nothing where no response comes.
pub fn try_send(
    to: SocketAddr,
    request: Request<&'static str>,
    trailers: HeaderMap,
) -> Option<Response<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let exchange = async { tokio::time::timeout(LIMIT, exchange(to, request, trailers)).await };
    runtime.block_on(exchange).ok()?.ok()
}

async fn exchange(
    to: SocketAddr,
    request: Request<&'static str>,
    trailers: HeaderMap,
) -> Result<Response<()>, h2::Error> {
    let stream = TcpStream::connect(to).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(connection);
    let (head, body) = request.into_parts();
    let mut client = client.ready().await?;
    let (response, mut sending) = client.send_request(Request::from_parts(head, ()), false)?;
    // A denial may come before all is sent, and ends the stream.
    if sending.send_data(Bytes::from_static(body.as_bytes()), false).is_ok() {
        let _ = sending.send_trailers(trailers);
    }
    Ok(response.await?.map(|_| ()))
}
