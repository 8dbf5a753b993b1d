//! A panic of one handler stays one failed request.

use std::{any::Any, fmt, sync::Arc};

use axum::{body::Body, response::Response};
use http::StatusCode;
use tower_http::catch_panic::{CatchPanicLayer, ResponseForPanic};

/// Catches a panic of anything inside and answers 500 with an empty body, after calling `on_panic`.
///
/// What was panicked with is thrown away unread: the messages of std quote the text they stumbled over.
///
/// Pushes back: never. Error: the inner service's. In the stack: just inside the metrics, so that the 500 is measured.
pub fn catch_panic(on_panic: impl Fn() + Send + Sync + 'static) -> CatchPanicLayer<PanicAnswer> {
    CatchPanicLayer::custom(PanicAnswer { on_panic: Arc::new(on_panic) })
}

/// Answers in place of a handler that panicked.
#[derive(Clone)]
pub struct PanicAnswer {
    on_panic: Arc<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for PanicAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PanicAnswer")
    }
}

impl ResponseForPanic for PanicAnswer {
    type ResponseBody = Body;

    fn response_for_panic(&mut self, _panicked_with: Box<dyn Any + Send>) -> Response {
        (self.on_panic)();
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use http::Request;
    use http_body_util::BodyExt as _;
    use tower::{ServiceBuilder, ServiceExt as _};

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_500_without_detail_and_is_told_once() {
        let told = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&told);
        let service = ServiceBuilder::new()
            .layer(catch_panic(move || {
                counter.fetch_add(1, Ordering::Relaxed);
            }))
            .service_fn(async |request: Request<Body>| {
                assert!(request.uri() == "/fine", "canary");
                Ok::<_, Infallible>(Response::new(Body::empty()))
            });

        let answer = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = service.clone().oneshot(request).await.unwrap();
            (response.status(), response.into_body().collect().await.unwrap().to_bytes())
        };
        assert_eq!(answer("/bad").await, (StatusCode::INTERNAL_SERVER_ERROR, "".into()));
        assert_eq!(answer("/fine").await.0, StatusCode::OK);
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
}
