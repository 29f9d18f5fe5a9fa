//! Certificate authorities and certificates, made anew for every test.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};
use tokio_rustls::rustls::client::WantsClientCert;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime,
};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoClientAuth, WebPkiClientVerifier};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore,
    ServerConfig, SignatureScheme, StreamOwned,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A certificate authority, its certificate in a file.
pub struct Authority {
    folder: tempfile::TempDir,
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, in memory and in files.
pub struct Certificate {
    certificate: rcgen::Certificate,
    key: KeyPair,
    /// PEM file of the certificate.
    pub file: PathBuf,
    /// PEM file of its private key.
    pub key_file: PathBuf,
}

impl Authority {
    /// A new authority.
    pub fn new() -> Self {
        let mut params = named("authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.path().join("ca.key"), key.serialize_pem()).unwrap();
        Self { folder, certificate, issuer: Issuer::new(params, key) }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        roots
    }

    /// A client without a certificate, which trusts servers of this authority.
    pub fn anonymous_client(&self) -> Client {
        Client(Arc::new(self.client_config().with_no_client_auth()))
    }

    fn client_config(&self) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots())
    }

    /// PEM file of the authority's own certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// PEM file of its private key.
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("ca.key")
    }

    /// The SHA-256 of its own certificate.
    pub fn sha256(&self) -> [u8; 32] {
        sha256(&self.certificate)
    }

    /// A certificate for servers and clients. Names with `://` are URIs (SPIFFE IDs), others DNS
    /// names or IP addresses.
    pub fn issue(&self, names: &[&str]) -> Certificate {
        self.issue_with(names, named("end entity"))
    }

    /// The same, of which the time is over.
    pub fn issue_expired(&self, names: &[&str]) -> Certificate {
        let mut params = named("end entity");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        self.issue_with(names, params)
    }

    fn issue_with(&self, names: &[&str], mut params: CertificateParams) -> Certificate {
        params.subject_alt_names = names.iter().map(|name| subject_alt_name(name)).collect();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        // A file name for any list of names.
        let stem = super::keys::base64url(sha256(&certificate));
        let file = write(self.folder.path(), &format!("{stem}.pem"), &certificate.pem());
        let key_file = write(self.folder.path(), &format!("{stem}.key"), &key.serialize_pem());
        Certificate { certificate, key, file, key_file }
    }
}

fn sha256(certificate: &rcgen::Certificate) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate.der());
    digest.as_ref().try_into().unwrap()
}

/// A client that presents a certificate.
pub struct Client(Arc<ClientConfig>);

impl Client {
    /// A workload of a mesh, with the certificate and key of PEM files. Which one the server is
    /// nobody looks at: servers of meshes have no names of hosts.
    pub fn of_mesh(certificate: &Path, key: &Path) -> Self {
        let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap);
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let provider = Arc::new(default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
            .with_client_auth_cert(chain.collect(), key)
            .unwrap();
        Self(Arc::new(config))
    }

    /// Sends a request over HTTP/2: the head of the answer.
    pub fn http2(&self, to: SocketAddr, request: http::Request<()>) -> http::Response<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let tls = TlsConnector::from(Arc::clone(&self.0));
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(to).await.unwrap();
            let name = "gateway.test".to_owned().try_into().unwrap();
            let stream = tls.connect(name, stream).await.unwrap();
            let (client, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            let mut client = client.ready().await.unwrap();
            let (response, _) = client.send_request(request, true).unwrap();
            response.await.unwrap().map(|_| ())
        })
    }

    /// Speaks TLS over a connection to a server of that name, which it says (SNI) unless it is an
    /// IP address.
    pub fn wrap(&self, stream: TcpStream, name: &str) -> StreamOwned<ClientConnection, TcpStream> {
        let name = name.to_owned().try_into().unwrap();
        StreamOwned::new(ClientConnection::new(Arc::clone(&self.0), name).unwrap(), stream)
    }

    /// Speaks TLS to a server of that name, and HTTP/2 in it.
    pub async fn connect_http2(
        &self,
        to: SocketAddr,
        name: &str,
    ) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
        let mut config = (*self.0).clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = tokio::net::TcpStream::connect(to).await.unwrap();
        let name = name.to_owned().try_into().unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }
}

/// Takes every certificate of a server.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl Certificate {
    /// The SHA-256 of the certificate.
    pub fn sha256(&self) -> [u8; 32] {
        sha256(&self.certificate)
    }

    /// A client with this certificate, which trusts servers of this authority.
    pub fn client(&self, trusts: &Authority) -> Client {
        let config = trusts
            .client_config()
            .with_client_auth_cert(vec![self.certificate.der().clone()], self.private_key())
            .unwrap();
        Client(Arc::new(config))
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()))
    }

    /// Takes TLS connections with this certificate and one of these protocols (ALPN).
    pub fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        self.accept(protocols, Arc::new(NoClientAuth))
    }

    /// The same, from clients with a certificate of this authority only.
    pub fn acceptor_of_clients(&self, protocols: &[&str], of: &Authority) -> TlsAcceptor {
        let provider = Arc::new(default_provider());
        let roots = Arc::new(of.roots());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
        self.accept(protocols, verifier.build().unwrap())
    }

    fn accept(&self, protocols: &[&str], clients: Arc<dyn ClientCertVerifier>) -> TlsAcceptor {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![self.certificate.der().clone()], self.private_key())
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A certificate whose subject is that of its issuer would count as self-signed.
fn named(subject: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, subject);
    params
}

fn subject_alt_name(name: &str) -> SanType {
    match name.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) if name.contains("://") => SanType::URI(name.try_into().unwrap()),
        Err(_) => SanType::DnsName(name.try_into().unwrap()),
    }
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    file
}
