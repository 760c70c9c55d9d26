//! The faults that users of the original package meet, each as a regression test named for the
//! fault. The topics have the rest of the semantics.

mod calls;
mod connections;
mod data;
mod events;
mod waiting;
