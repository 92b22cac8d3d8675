//! The table of error codes is frozen: rows are added, never changed. Bindings and scripts stand on it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

use std::collections::BTreeSet;

use longhand::ErrorCode;

const FROZEN: &str = include_str!("error_codes.txt");

#[test]
fn numbers_names_and_dispositions_are_the_frozen_ones() {
    let table = ErrorCode::ALL
        .iter()
        .map(|code| format!("{} {} {}\n", code.number(), code.name(), code.disposition()))
        .collect::<String>();
    assert_eq!(table, FROZEN, "a code may be added to tests/error_codes.txt; no row may change or go");
}

#[test]
fn numbers_and_names_are_unique_and_read_back() {
    let numbers: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
    let names: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
    assert_eq!((numbers.len(), names.len()), (ErrorCode::ALL.len(), ErrorCode::ALL.len()));
    for &code in ErrorCode::ALL {
        assert_eq!(ErrorCode::from_number(code.number()), Some(code));
    }
    assert_eq!(ErrorCode::from_number(u16::MAX), None);
}
