use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::Semaphore;

use super::guard::Peer;
use super::limit::Limits;
use super::{App, router};
use crate::error::Error;
use crate::store::{Deck, Experiment, Queue};
use crate::words::languages;

/// How long a client may take to send the head of a request, or stay silent between two.
const HEAD: Duration = Duration::from_secs(20);
/// How long a connection may last: one that reads slowly holds its place no longer.
const CONNECTION: Duration = Duration::from_secs(600);
/// How long what is under way may take to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(10);
/// Bytes of a request's head, and what is read ahead of its body.
const HEAD_BYTES: usize = 16 << 10;
/// Connections at once.
const CONNECTIONS: usize = 2048;

/// How a server runs. None of it changes an experiment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address that raters use, `https://rate.example`.
    pub address: String,
    /// How many proxies stand before the server, whose `X-Forwarded-For` is believed.
    pub proxies: usize,
    /// Seconds since 1970.
    pub clock: fn() -> i64,
    /// Hears of what goes wrong on the server's side.
    pub report: fn(&Error),
}

/// The web application of one experiment.
pub struct Server {
    router: Router,
}

impl Server {
    /// Makes an experiment ready to be served.
    ///
    /// # Errors
    /// A text that raters would see is missing or unfinished; the database cannot be read.
    pub fn new(experiment: Experiment, settings: &Settings) -> Result<Self, Error> {
        let reader = experiment.reader()?;
        let app = App {
            deck: Deck::read(&experiment.db).map_err(|e| experiment.sql(e))?,
            plan: experiment.plan.clone(),
            secret: experiment.secret.clone(),
            languages: languages(&experiment.study, &experiment.plan)?,
            study: PathBuf::from(&experiment.study),
            reader: Mutex::new(reader),
            limits: Limits::new(),
            clock: settings.clock,
            address: settings.address.trim_end_matches('/').to_owned(),
            proxies: settings.proxies,
            report: settings.report,
            queue: Queue::start(experiment),
        };
        Ok(Self { router: router(Arc::new(app)) })
    }

    /// Answers until `stop` returns, which waits on a thread of its own; what is under way then is brought to its end. Plain HTTP/1.1: whoever faces
    /// the internet puts a proxy before it that speaks TLS.
    ///
    /// # Errors
    /// The system gives no threads or takes the socket away.
    pub fn run(self, listener: TcpListener, stop: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let name = listener.local_addr().map_or_else(|_| "the socket".to_owned(), |a| a.to_string());
        let fail = |e| Error::io(Path::new(&name), e);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(fail)?;
        listener.set_nonblocking(true).map_err(fail)?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).map_err(fail)?;
            let stopped = async { drop(tokio::task::spawn_blocking(stop).await) };
            self.accept(listener, stopped).await;
            Ok(())
        })
    }

    async fn accept(self, listener: tokio::net::TcpListener, stop: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
            let (stream, from) = tokio::select! {
                accepted = listener.accept() => if let Ok(accepted) = accepted { accepted } else {
                    // Out of descriptors: those who are done give theirs back.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                },
                () = &mut stop => break,
            };
            // A small answer is sent at once; where that cannot be had, it is a little later.
            drop(stream.set_nodelay(true));
            let service = hyper::service::service_fn(self.service(from));
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
            let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
            tokio::spawn(async move {
                // How a connection ended is the client's business.
                drop(tokio::time::timeout(CONNECTION, connection).await);
                drop(place);
            });
        }
        tokio::select! {
            () = graceful.shutdown() => {}
            () = tokio::time::sleep(FAREWELL) => {}
        }
    }

    fn service(
        &self,
        from: SocketAddr,
    ) -> impl Fn(
        hyper::Request<hyper::body::Incoming>,
    ) -> axum::routing::future::RouteFuture<std::convert::Infallible>
    + use<> {
        let router = self.router.clone();
        move |request| {
            let mut request: Request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(Peer(from.ip()));
            tower_service::Service::call(&mut router.clone(), request)
        }
    }
}
