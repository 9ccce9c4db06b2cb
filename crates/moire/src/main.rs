//! The command: arguments to plans, progress to people, results to exit codes.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "talking to people is what a command does")]

mod cli;
mod commands;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let command = Cli::parse().command;
    // `moire zoo list | head` ends quietly, as other commands do; a server must outlive those who hang up.
    if !matches!(command, Command::Rate(_)) {
        sigpipe::reset();
    }
    let result = match command {
        Command::Demo(args) => commands::demo::run(&args),
        Command::Samples(args) => commands::samples::run(&args),
        Command::Audit(args) => commands::audit::run(&args),
        Command::Run(args) => commands::run::run(&args),
        Command::Merge(args) => commands::merge::run(&args),
        Command::Reproduce(args) => commands::reproduce::run(&args),
        Command::Eval(args) => commands::eval::run(&args),
        Command::Faces(args) => commands::faces::run(&args),
        Command::Protect(args) => commands::protect::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Rate(args) => commands::rate::run(&args),
        Command::Zoo(args) => commands::zoo::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", terminal::one_line(&error));
            ExitCode::FAILURE
        }
    }
}
