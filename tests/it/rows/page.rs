//! Compares the rows of `docs/security.md` with the tests that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How many rows each part of the page has.
const PARTS: [(char, usize); 5] = [('H', 28), ('F', 28), ('L', 28), ('C', 26), ('A', 23)];

/// How many rows have a test, at least.
const TESTED: usize = 133;

/// A row: its id, and what is said of its tests.
struct Row {
    id: String,
    tests: String,
}

/// `cargo test --test it rows::page -- --nocapture` tells the number and the rows without a test.
#[test]
fn each_row_has_its_tests() {
    let rows = rows(&read(Path::new("docs/security.md")));
    let ids: Vec<&str> = rows.iter().map(|row| &*row.id).collect();
    let expected: Vec<_> = PARTS
        .iter()
        .flat_map(|(part, count)| (1..=*count).map(move |n| format!("{part}{n}")))
        .collect();
    assert_eq!(ids, expected, "each id once, in its order");

    let there = tests();
    let mut named = BTreeSet::new();
    let mut without = Vec::new();
    for Row { id, tests } in &rows {
        let own: Vec<_> = tests.split('`').filter(|it| it.contains("::")).collect();
        for test in &own {
            let name = test.rsplit("::").next().unwrap();
            assert!(there.contains_key(*test), "{id}: there is no test `{test}`");
            assert!(ids_of(name).contains(id), "{id}: `{name}` isn't named for it");
            named.insert((*test).to_owned());
        }
        if own.is_empty() {
            assert!(tests.len() > 20 || tests == "not yet", "{id}: why is there no test?");
            without.push(id.as_str());
        }
    }
    for (test, ids) in &there {
        assert!(
            named.contains(test),
            "`{test}` is named for {ids:?}, and the page doesn't name it"
        );
    }
    println!("{} of {} have a test", rows.len() - without.len(), rows.len());
    println!("none: {}", without.join(", "));
    assert!(rows.len() - without.len() >= TESTED, "too few have a test");
}

/// The rows of the page's tables.
fn rows(page: &str) -> Vec<Row> {
    let cells = page.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    cells
        .filter(|cells| cells.len() > 2 && is_id(cells[1]))
        .map(|cells| {
            assert_eq!(cells.len(), 6, "{cells:?}: id, what happens, what is done, tests");
            Row { id: cells[1].to_owned(), tests: cells[4].to_owned() }
        })
        .collect()
}

fn is_id(text: &str) -> bool {
    let number = text.strip_prefix(|part| PARTS.iter().any(|(it, _)| *it == part));
    number.is_some_and(|number| number.parse::<usize>().is_ok())
}

/// The ids for which a test is named: it begins with them, as `h04_h05_…` does.
fn ids_of(name: &str) -> Vec<String> {
    let id = |word: &str| {
        let (part, number) = word.split_at_checked(1)?;
        let part = part.to_uppercase();
        let is_one = word.len() == 3 && part != word[..1] && is_id(&format!("{part}{number}"));
        is_one.then(|| format!("{part}{}", number.parse::<usize>().unwrap()))
    };
    name.split('_').map_while(id).collect()
}

/// The tests of all crates that are named for a row, as `file::name`; with their rows. In the
/// laboratory, whose experiments are no functions of the test harness, any function counts.
fn tests() -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for file in files() {
        let text = read(&file);
        let mut is_test = file.starts_with("tests/lab");
        for line in text.lines().map(str::trim) {
            let words = line.trim_start_matches("pub ").trim_start_matches("async ");
            if let Some((name, _)) = words.strip_prefix("fn ").and_then(|it| it.split_once('(')) {
                let ids = ids_of(name);
                if is_test && !ids.is_empty() {
                    found.insert(format!("{}::{name}", file.display()), ids);
                }
                is_test = file.starts_with("tests/lab");
            } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            }
        }
    }
    found
}

/// The files with Rust code, as paths from the root.
fn files() -> Vec<PathBuf> {
    let folders = [
        "brpc-core",
        "brpc-macros",
        "brpc-plugin",
        "brpc-socket",
        "crates",
        "examples",
        "src",
        "tests",
    ];
    let mut left: Vec<_> = folders.map(PathBuf::from).into();
    let mut files = Vec::new();
    while let Some(path) = left.pop() {
        if root().join(&path).is_dir() {
            let entries = std::fs::read_dir(root().join(&path)).unwrap();
            left.extend(entries.map(|entry| path.join(entry.unwrap().file_name())));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|_| panic!("{}", path.display()))
}

#[test]
fn names_say_which_rows_they_are_for() {
    assert_eq!(ids_of("h04_h05_f03_a_length"), ["H4", "H5", "F3"]);
    assert_eq!(ids_of("c26_an_address"), ["C26"]);
    for none in ["a_name", "h4_short", "H04_loud", "all_are_back", "l2x_no", "in_h04"] {
        assert!(ids_of(none).is_empty(), "{none}");
    }
    let page = "| id | a | b | c |\n|---|\n| H1 | x | y | `t.rs::h01_z` |\n| HTTP | x | y | z |";
    assert_eq!(rows(page).iter().map(|row| &*row.id).collect::<Vec<_>>(), ["H1"]);
}
