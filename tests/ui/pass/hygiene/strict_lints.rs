//! The generated code passes lints that are stricter than usual, also those of clippy.

#![deny(warnings, missing_docs, unused, nonstandard_style, future_incompatible)]
#![deny(rust_2018_idioms, rust_2021_compatibility, let_underscore, keyword_idents)]
#![deny(elided_lifetimes_in_paths, explicit_outlives_requirements, missing_debug_implementations)]
#![deny(single_use_lifetimes, trivial_casts, trivial_numeric_casts, unit_bindings)]
#![deny(unreachable_pub, unused_lifetimes, unused_qualifications, unused_results)]
#![deny(missing_copy_implementations, variant_size_differences, redundant_lifetimes)]
#![deny(clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

/// Greets.
#[derive(Debug, Default)]
pub struct Greeter {
    greeted: std::sync::atomic::AtomicU64,
    hook: brpc::AsyncHook,
}

#[brpc::plugin(client)]
impl Greeter {
    /// Counts.
    #[must_use]
    pub fn greeted(&self) -> u64 {
        self.greeted.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Does nothing.
    pub const fn nothing(&self) {}

    /// Does nothing.
    #[deprecated]
    #[brpc(blocking)]
    pub const fn deprecated(&self) {}

    /// Adds.
    ///
    /// # Errors
    /// If the sum is too large.
    pub fn add(&self, cx: &brpc::Context, a: i64, b: i64) -> Result<i64, String> {
        a.checked_add(b).ok_or_else(|| cx.trace().to_owned())
    }

    /// Waits.
    pub async fn wait(&self, cx: &brpc::Context) {
        cx.cancelled().await;
    }

    /// Never fails.
    ///
    /// # Errors
    /// Never.
    pub fn infallible(&self, name: String) -> Result<String, std::convert::Infallible> {
        drop(self.hook.clone());
        Ok(name)
    }

    #[brpc(hook)]
    fn keep(&mut self, hook: brpc::AsyncHook) {
        self.hook = hook;
    }
}

/// An interface.
#[brpc::client]
pub trait Interface {
    /// Counts.
    fn count(&self) -> u64;
    /// Adds.
    fn add(&self, a: i64, b: i64) -> Result<i64, String>;
    async fn without_docs(&self, name: String, names: Vec<String>);
}

mod private {
    //! Whose items can't be reached.

    #[derive(Debug)]
    struct Hidden;

    #[brpc::plugin(client)]
    impl Hidden {
        pub async fn wait(&self, cx: &brpc::Context, input: String) -> String {
            cx.cancelled().await;
            input
        }

        pub fn length(&self, text: String) -> usize {
            text.len()
        }
    }

    #[brpc::client]
    trait Interface {
        fn take(&self, input: String);
    }

    /// Uses both.
    pub(crate) fn calls(hub: &brpc::Socket) {
        let _ = Hidden;
        drop(HiddenClient::new(hub, "hidden").wait(String::new()));
        drop(HiddenClient::new(hub, "hidden").length(String::new()));
        drop(InterfaceClient::new(hub, "hidden").take(String::new()));
    }
}

fn main() {
    private::calls(&brpc::Socket::default());
}
