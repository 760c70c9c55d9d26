//! Conversations of programs of Go.
