//! The wire of the Go package `easysy/brpc`.
