//! HTTP/1.1 requests, byte for byte: what no client library would send, too.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use tokio_rustls::rustls::{ClientConnection, StreamOwned};

use super::LIMIT;
use super::tls::Client;

/// A request that is being written.
#[derive(Debug, Clone)]
pub struct Request {
    start: Vec<u8>,
    headers: Vec<u8>,
    body: Vec<u8>,
}

impl Request {
    /// A request with its target and `host` header just as they are.
    pub fn new(method: &str, host: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        let start = [method.as_bytes(), b" ", target.as_ref(), b" HTTP/1.1\r\n"].concat();
        let request = Self { start, headers: Vec::new(), body: Vec::new() };
        request.header("host", host)
    }

    /// Another header, its value just as it is.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.extend([name.as_ref(), b": ", value.as_ref(), b"\r\n"].concat());
        self
    }

    /// `authorization: Bearer <token>`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// A body with its length.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        let length = self.body.len().to_string();
        self.header("content-length", length)
    }

    /// A body in chunks of this size (RFC 9112, section 7.1).
    pub fn chunked(mut self, body: &[u8], size: usize) -> Self {
        for chunk in body.chunks(size) {
            self.body.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            self.body.extend([chunk, b"\r\n"].concat());
        }
        self.body.extend(b"0\r\n\r\n");
        self.header("transfer-encoding", "chunked")
    }

    /// Sends it on a connection of its own.
    pub fn send(&self, to: SocketAddr) -> Response {
        self.open(to).response()
    }

    /// Sends it over TLS as a client with a certificate.
    pub fn send_as(&self, client: &Client, to: SocketAddr) -> Response {
        self.write(client.wrap(connect(to), "gateway.test")).response()
    }

    /// Sends it and leaves the response for later.
    pub fn open(&self, to: SocketAddr) -> Pending {
        self.write(connect(to))
    }

    /// Sends it on a connection of its own: the response, if one comes before the end.
    pub fn try_send(&self, to: SocketAddr) -> Option<Response> {
        exchange(&self.bytes(), to)
    }

    fn bytes(&self) -> Vec<u8> {
        let end = b"connection: close\r\n\r\n";
        [&self.start, &self.headers, &end[..], &self.body].concat()
    }

    /// Sends it as a client with a certificate, on a connection that stays open.
    pub fn send_on(&self, connection: &mut Connection) -> Option<Response> {
        let bytes = [&self.start, &self.headers, &b"\r\n"[..], &self.body].concat();
        connection.0.write_all(&bytes).ok()?;
        let mut answer = Vec::new();
        let mut part = [0; 4_096];
        loop {
            if let Some(response) = Response::parse(&answer, false) {
                return Some(response);
            }
            match connection.0.read(&mut part) {
                Ok(read @ 1..) => answer.extend(&part[..read]),
                _ => return None,
            }
        }
    }

    fn write<S: Write>(&self, mut stream: S) -> Pending<S> {
        // Envoy may answer and close before it has read everything.
        let _ = stream.write_all(&self.bytes()).and_then(|()| stream.flush());
        Pending { stream, bodiless: self.start.starts_with(b"HEAD ") }
    }
}

/// Sends bytes on a connection of their own: the response, if one comes before the end.
pub fn exchange(bytes: &[u8], to: SocketAddr) -> Option<Response> {
    let mut stream = connect(to);
    // Envoy may answer and close before it has read everything.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut part = [0; 4_096];
    while let Ok(length @ 1..) = stream.read(&mut part) {
        answer.extend(&part[..length]);
        if let Some(response) = Response::parse(&answer, false) {
            return Some(response);
        }
    }
    None
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

/// A connection over TLS that stays open.
pub struct Connection(StreamOwned<ClientConnection, TcpStream>);

impl Connection {
    /// Connects as a client with a certificate.
    pub fn open(client: &Client, to: SocketAddr) -> Self {
        Self(client.wrap(connect(to), "gateway.test"))
    }
}

/// A request whose response has not been read.
pub struct Pending<S = TcpStream> {
    stream: S,
    /// Whether the response has no body, whatever its headers say.
    bodiless: bool,
}

impl<S: Read> Pending<S> {
    /// Waits for the response. It ends where its headers say so: Envoy may keep the connection
    /// open for a while to be sure that the client reads everything.
    pub fn response(mut self) -> Response {
        let mut bytes = Vec::new();
        let mut part = [0; 4_096];
        loop {
            if let Some(response) = Response::parse(&bytes, self.bodiless) {
                return response;
            }
            match self.stream.read(&mut part) {
                Ok(0) => panic!("cut off: {}", bytes.escape_ascii()),
                Ok(read) => bytes.extend(&part[..read]),
                Err(error) => panic!("{error} after {}", bytes.escape_ascii()),
            }
        }
    }
}

impl Pending {
    /// Whether something came, without waiting.
    pub fn has_answer(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        peeked.is_ok()
    }
}

/// A response.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body, chunks joined; bytes that are not UTF-8 replaced.
    pub body: String,
}

impl Response {
    /// The first value of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(have, _)| have == name);
        values.next().map_or("", |(_, value)| value)
    }

    /// Reads a response, if it is all there.
    pub fn parse(bytes: &[u8], bodiless: bool) -> Option<Self> {
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..split]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut response = Self { status, headers, body: String::new() };
        if !bodiless {
            let rest = &bytes[split + 4..];
            let body = match response.header("transfer-encoding") {
                "" => {
                    let length = response.header("content-length").parse().unwrap_or(0);
                    rest.get(..length)?.to_vec()
                }
                _ => unchunked(rest)?,
            };
            response.body = String::from_utf8_lossy(&body).into_owned();
        }
        Some(response)
    }
}

/// The chunks joined, if they are all there (RFC 9112, section 7.1).
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        let chunk = line + 2;
        out.extend(rest.get(chunk..chunk + size)?);
        rest = rest.get(chunk + size + 2..)?;
        if size == 0 {
            return Some(out);
        }
    }
}
