//! What is traced with `tracing`: the current span, and what is logged.

use std::cell::RefCell;
use std::fmt::{Debug, Display, Write as _};
use std::sync::{Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Span, Subscriber, subscriber};
use tracing_core::span::Current;

static SPANS: Mutex<Vec<&'static Metadata<'static>>> = Mutex::new(Vec::new());
static LOG: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

thread_local! {
    /// The spans that are entered on this thread, the innermost last.
    static ENTERED: RefCell<Vec<Id>> = const { RefCell::new(Vec::new()) };
}

/// Traces from now on, in all tests of this process.
pub fn trace() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| subscriber::set_global_default(Recorder).unwrap());
}

/// The name of the current span; empty if there is none.
pub fn span() -> String {
    Span::current().metadata().map_or_else(String::new, |span| span.name().to_owned())
}

/// The warnings so far in which this word occurs.
pub fn warnings(word: &str) -> Vec<String> {
    lines(|level, line| level == Level::WARN && line.contains(word))
}

/// What was logged so far with this field.
pub fn logged(field: &str, value: impl Display) -> Vec<String> {
    let field = format!(" {field}={value} ");
    lines(|_, line| line.contains(&field))
}

/// What was logged so far in which this occurs.
pub fn said(text: &str) -> Vec<String> {
    lines(|_, line| line.contains(text))
}

/// The levels at which it was logged so far.
pub fn levels(text: &str) -> Vec<Level> {
    let log = LOG.lock().unwrap();
    log.iter().filter(|(_, line)| line.contains(text)).map(|(level, _)| *level).collect()
}

/// All that was logged so far.
pub fn all() -> Vec<String> {
    lines(|_, _| true)
}

fn lines(is_wanted: impl Fn(Level, &str) -> bool) -> Vec<String> {
    let log = LOG.lock().unwrap();
    let wanted = log.iter().filter(|(level, line)| is_wanted(*level, line));
    wanted.map(|(_, line)| line.clone()).collect()
}

struct Recorder;

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() || ["brpc_", "brpc::"].iter().any(|of| metadata.target().starts_with(of))
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut spans = SPANS.lock().unwrap();
        spans.push(span.metadata());
        Id::from_u64(spans.len() as u64)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        LOG.lock().unwrap().push((*event.metadata().level(), text.0));
    }

    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.clone()));
    }

    fn exit(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| {
            let place = entered.iter().rposition(|id| id == span).unwrap();
            entered.remove(place);
        });
    }

    fn current_span(&self) -> Current {
        let Some(id) = ENTERED.with_borrow(|entered| entered.last().cloned()) else {
            return Current::none();
        };
        let span = SPANS.lock().unwrap()[usize::try_from(id.into_u64()).unwrap() - 1];
        Current::new(id, span)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}
}

/// The fields of an event, as `name=value`.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?} ", field.name()).unwrap();
    }
}
