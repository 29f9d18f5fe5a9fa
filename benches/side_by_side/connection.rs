//! One connection of the load generator: writes a request, reads the response, starts again.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// Responses here are a few hundred bytes.
const BUFFER: usize = 16 * 1024;
const MAX_HEADERS: usize = 32;

enum Transport {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A connection that stays open.
pub struct Connection {
    transport: Transport,
    /// Which request is under way.
    pub request: usize,
    /// When it was sent.
    pub began: Instant,
    written: usize,
    buffer: Box<[u8]>,
    filled: usize,
}

impl Connection {
    /// Connects, shakes hands if `tls` is given, and only then stops blocking.
    pub fn open(to: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> anyhow::Result<Self> {
        let mut stream = std::net::TcpStream::connect(to).context("cannot connect to Envoy")?;
        stream.set_nodelay(true)?;
        let session = match tls {
            None => None,
            Some(config) => {
                let name = ServerName::from(to.ip());
                let mut session = ClientConnection::new(Arc::clone(config), name)?;
                while session.is_handshaking() {
                    session.complete_io(&mut stream).context("the TLS handshake failed")?;
                }
                Some(session)
            }
        };
        stream.set_nonblocking(true)?;
        let stream = TcpStream::from_std(stream);
        let transport = match session {
            None => Transport::Plain(stream),
            Some(session) => Transport::Tls(Box::new(StreamOwned::new(session, stream))),
        };
        Ok(Self {
            transport,
            request: 0,
            began: Instant::now(),
            written: 0,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            filled: 0,
        })
    }

    /// The socket.
    pub fn socket(&mut self) -> &mut TcpStream {
        match &mut self.transport {
            Transport::Plain(stream) => stream,
            Transport::Tls(stream) => &mut stream.sock,
        }
    }

    /// Begins to send a request.
    pub fn start(&mut self, request: usize, bytes: &[u8]) -> anyhow::Result<()> {
        (self.request, self.began) = (request, Instant::now());
        (self.written, self.filled) = (0, 0);
        self.go_on_writing(bytes)
    }

    /// Writes what the socket takes of the request under way.
    pub fn go_on_writing(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        while let Some(rest) = bytes.get(self.written..).filter(|rest| !rest.is_empty()) {
            let result = match &mut self.transport {
                Transport::Plain(stream) => stream.write(rest),
                Transport::Tls(stream) => stream.write(rest),
            };
            match result {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot write to Envoy"),
            }
        }
        Ok(())
    }

    /// Reads what is there; the status once the response is complete.
    pub fn read(&mut self) -> anyhow::Result<Option<u16>> {
        loop {
            let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
            ensure!(!free.is_empty(), "a response is longer than {BUFFER} bytes");
            let room = free.len();
            let result = match &mut self.transport {
                Transport::Plain(stream) => stream.read(free),
                Transport::Tls(stream) => stream.read(free),
            };
            match result {
                Ok(0) => bail!("Envoy closed a connection"),
                Ok(read) => {
                    self.filled += read;
                    if let Some(status) = self.response()? {
                        return Ok(Some(status));
                    }
                    // What comes later wakes us again: a short read has emptied the socket.
                    if read < room && matches!(self.transport, Transport::Plain(_)) {
                        return Ok(None);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot read from Envoy"),
            }
        }
    }

    /// The status, if the response is all there.
    fn response(&self) -> anyhow::Result<Option<u16>> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let bytes = self.buffer.get(..self.filled).unwrap_or_default();
        let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
        let status = response.code.context("a response without a status")?;
        let length = response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("content-length"))
            .context("a response without content-length")?;
        let length: usize = std::str::from_utf8(length.value)?.parse()?;
        let end = head + length;
        ensure!(self.filled <= end, "more than one response to one request");
        Ok((self.filled == end).then_some(status))
    }
}
