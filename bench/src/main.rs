//! `nunatak-bench`: see `nunatak-bench --help`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;
use nunatak_bench::cli::{Cli, Command};
use nunatak_bench::{budget, codec, compare, diff, index, large, load, log, output, start};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Load(arguments) => load::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Log(arguments) => log::run(&arguments),
        Command::Codec(arguments) => codec::run(&arguments),
        Command::Start(arguments) => start::run(&arguments),
        Command::Budget(arguments) => budget::run(&arguments),
        Command::Index(arguments) => index::run(&arguments),
        Command::Large(arguments) => large::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::note(&format!("nunatak-bench: {error}"));
            ExitCode::FAILURE
        }
    }
}
