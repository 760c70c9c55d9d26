//! What stands between those who call and the methods.

mod ends;
mod hub;
mod plugin;
mod tower;
