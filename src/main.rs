//! The `egress-auth` command. Everything it does lives in `egress_auth::cli`.

fn main() -> std::process::ExitCode {
    egress_auth::cli::main()
}
