//! The scenarios of the documentation, request by request: what `explain` says is what Envoy does.

use crate::support::table::Table;

#[test]
fn the_payments_scenario() {
    Table::read("scenario").run("RS256", 1);
}

#[test]
fn the_payments_scenario_with_four_workers() {
    Table::read("scenario").run("RS256", 4);
}

#[test]
fn paths_that_servers_read_differently() {
    Table::read("paths").run("RS256", 1);
}

#[test]
fn spellings_of_hosts() {
    Table::read("hosts").run("RS256", 1);
}

#[test]
fn everything_that_servers_can_ask_for() {
    Table::read("servers").run("RS256", 1);
}
