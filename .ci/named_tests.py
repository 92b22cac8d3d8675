#!/usr/bin/env python3
"""Checks that every test that the documents name exists: `file::function` below tests/ and backends/, `cli::file::function` of cli/."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
named, missing = 0, []
for document in sorted(root.glob("docs/*.md")) + [root / "SECURITY.md", root / "README.md"]:
    for cli, file, function in re.findall(r"`(cli::)?([a-z_]+)::([a-z_0-9]{12,})`", document.read_text()):
        folders = ["cli/tests/command"] if cli else ["tests", "backends"]
        paths = [path for folder in folders for path in (root / folder).glob(f"**/{file}.rs")]
        named += 1
        if not any(f"fn {function}(" in path.read_text() for path in paths):
            missing.append(f"{document.relative_to(root)}: {cli}{file}::{function}")
print(f"{named} tests named, {len(missing)} of them missing", *missing, sep="\n")
sys.exit(bool(missing) or not named)
