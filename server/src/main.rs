//! The `nunatak` binary.
#![forbid(unsafe_code)]

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use nunatak_server::cli::{Cli, Command, ServeArgs, one_line};
use nunatak_server::import::{ImportError, import};
use nunatak_server::{AskError, ServeError, Settings, ask, inspect, serve, snapshot, verify};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => {
            drop(error.print());
            return ExitCode::SUCCESS;
        }
        Err(error)
            if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand =>
        {
            drop(error.print());
            return ExitCode::from(2);
        }
        Err(error) => return fail(2, &one_line(&error)),
    };
    match cli.command {
        Command::Serve(args) => match serve(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(ServeError::Start(text)) => fail(2, &text),
            Err(error) => fail(1, &error.to_string()),
        },
        Command::Import(args) => match import(&args) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(3),
            Err(ImportError::Arguments(text)) => fail(2, &text),
            Err(error) => fail(1, &error.to_string()),
        },
        Command::Query(args) => asked(ask(&args)),
        Command::Snapshot(args) => asked(snapshot(&args)),
        Command::Verify(args) => looked(verify(&args)),
        Command::Inspect(args) => looked(inspect(&args)),
        Command::CheckConfig(args) => check_config(&args),
    }
}

fn asked(result: Result<(), AskError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(AskError::Arguments(text)) => fail(2, &text),
        Err(error) => fail(1, &error.to_string()),
    }
}

fn looked(is_sound: Result<bool, String>) -> ExitCode {
    match is_sound {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(text) => fail(2, &text),
    }
}

fn check_config(args: &ServeArgs) -> ExitCode {
    match Settings::resolve(args) {
        Ok(settings) => {
            let mut out = std::io::stdout();
            for (key, text) in settings.describe() {
                drop(writeln!(out, "{key:26} {text}"));
            }
            ExitCode::SUCCESS
        }
        Err(error) => fail(2, &error.to_string()),
    }
}

/// Says in one line what is wrong.
fn fail(code: u8, text: &str) -> ExitCode {
    drop(writeln!(std::io::stderr(), "nunatak: {text}"));
    ExitCode::from(code)
}
