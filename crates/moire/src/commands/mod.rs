//! One command a file: arguments to a call, its result to people.

pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod demo;
pub(crate) mod eval;
pub(crate) mod faces;
pub(crate) mod merge;
pub(crate) mod protect;
pub(crate) mod rate;
pub(crate) mod report;
pub(crate) mod reproduce;
pub(crate) mod run;
pub(crate) mod samples;
pub(crate) mod study;
pub(crate) mod zoo;
