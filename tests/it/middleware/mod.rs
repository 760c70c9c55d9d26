//! What stands between those who call and the methods.

mod hub;
mod plugin;
mod tower;
