//! The results as a table in Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::kept::Line;
use super::number::number;
use super::plan::{Beside, Better, Case, Goal, Measure, Wanted};
use super::rounds::QUIET;

/// A row for each goal, and below it notes on the runs.
pub(super) fn markdown(cases: &[Case], lines: &[Line]) -> String {
    let mut text = String::from(
        "| what | number | brpc | beside | its number | ratio | wanted | met |\n\
         | --- | --- | ---: | --- | ---: | ---: | ---: | :---: |\n",
    );
    for case in cases {
        for measure in &case.measures {
            for goal in &measure.goals {
                if let Some(row) = row(case, measure, goal, lines) {
                    text += &row;
                }
            }
        }
    }
    text + &notes(lines)
}

fn row(case: &Case, measure: &Measure, goal: &Goal, lines: &[Line]) -> Option<String> {
    let subject = values(case, measure, Beside::Entry(case.subject().name), lines);
    let (own, title) = (Spread::of(subject.iter().map(|(_, value)| *value))?, &case.title);
    let mut row = format!("| {title} | {} | {} |", measure.title, own.number());
    let judged = if goal.beside == Beside::Nothing {
        row += " | | |";
        own
    } else {
        let beside = values(case, measure, goal.beside, lines);
        let ratios = subject.iter().filter_map(|(round, own)| {
            let (_, other) = beside.iter().find(|(other, _)| other == round)?;
            Some(own / other)
        });
        let ratio = Spread::of(ratios)?;
        let other = Spread::of(beside.iter().map(|(_, value)| *value))?;
        let name = named(case, measure, goal.beside, lines)?;
        let best = if matches!(goal.beside, Beside::Best(_)) { ", the best" } else { "" };
        let _ = write!(row, " {name}{best} | {} | {} |", other.number(), ratio.ratio());
        ratio
    };
    let wanted = match goal.wanted {
        Wanted::AtLeast(least) => format!("≥ {least}"),
        Wanted::AtMost(most) => format!("≤ {most}"),
        Wanted::Anything => String::new(),
    };
    let met = match goal.wanted.is_met(judged.median) {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "",
    };
    let _ = writeln!(row, " {wanted} | {met} |");
    Some(row)
}

/// The number of each round.
pub(super) fn values(
    case: &Case,
    measure: &Measure,
    beside: Beside,
    lines: &[Line],
) -> Vec<(u32, f64)> {
    let Some(name) = named(case, measure, beside, lines) else { return Vec::new() };
    // In the order of the rounds, and a round once.
    let by_round: BTreeMap<u32, f64> = numbers(case, measure, name, lines).collect();
    by_round.into_iter().collect()
}

/// The entry that is compared with. The best is the one with the best median: whichever had the
/// most luck in each round would be better than any of them is.
fn named(case: &Case, measure: &Measure, beside: Beside, lines: &[Line]) -> Option<&'static str> {
    let kind = match beside {
        Beside::Entry(name) => return Some(name),
        Beside::Best(kind) => kind,
        Beside::Nothing => return None,
    };
    let medians = case.entries.iter().filter(|entry| entry.kind == kind).filter_map(|entry| {
        let numbers = numbers(case, measure, entry.name, lines);
        let median = Spread::of(numbers.map(|(_, number)| number))?.median;
        Some((entry.name, median))
    });
    let best = match measure.better {
        Better::More => medians.max_by(|(_, one), (_, other)| one.total_cmp(other)),
        Better::Less => medians.min_by(|(_, one), (_, other)| one.total_cmp(other)),
    };
    best.map(|(name, _)| name)
}

/// What was measured of an entry, by round.
fn numbers(
    case: &Case,
    measure: &Measure,
    name: &str,
    lines: &[Line],
) -> impl Iterator<Item = (u32, f64)> {
    let of_entry = lines.iter().filter(move |line| line.case == case.name && line.entry == name);
    of_entry.filter_map(|line| Some((line.round, line.number(measure.path)?)))
}

/// What a reader must know to believe the table.
fn notes(lines: &[Line]) -> String {
    let mut text = String::new();
    let machines: BTreeSet<&str> = lines.iter().map(|line| line.machine.as_str()).collect();
    let machines: Vec<&str> = machines.into_iter().collect();
    let _ = write!(
        text,
        "\nMedians of {}, with the least and the most; a ratio is the median of the ratios \
         within each round. Measured on: {}.",
        rounds(lines),
        machines.join("; ")
    );
    let disturbed = lines.iter().filter(|line| line.foreign_cpus > QUIET).count();
    if disturbed > 0 {
        let all = lines.len();
        let _ = write!(
            text,
            " During {disturbed} of {all} runs other processes used more than {QUIET} CPUs."
        );
    }
    text.push('\n');
    let wrong = lines.iter().filter(|line| line.wrong() > 0.0);
    for line in wrong {
        let first = line.report.as_ref().and_then(|report| report["first_error"].as_str());
        let first = first.unwrap_or("an answer to another call");
        let (case, entry, round, wrong) = (&line.case, &line.entry, line.round, line.wrong());
        let _ = writeln!(text, "- {case} of {entry}, round {round}: {wrong} errors; {first}");
    }
    let failed: BTreeSet<String> = lines
        .iter()
        .filter_map(|line| {
            Some(format!("- {} of {}: {}", line.case, line.entry, line.error.as_ref()?))
        })
        .collect();
    for line in failed {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// A number that was measured more than once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) min: f64,
    pub(super) median: f64,
    pub(super) max: f64,
}

impl Spread {
    /// `None` if it was not measured at all.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { min, median, max })
    }

    fn number(&self) -> String {
        let [median, min, max] = [self.median, self.min, self.max].map(number);
        if min == max { median } else { format!("{median} ({min}–{max})") }
    }

    fn ratio(&self) -> String {
        let Self { min, median, max } = self;
        if (max - min).abs() < 0.005 {
            format!("{median:.2}")
        } else {
            format!("{median:.2} ({min:.2}–{max:.2})")
        }
    }
}

/// How often all was measured.
pub(super) fn rounds(lines: &[Line]) -> String {
    let rounds: BTreeSet<u32> = lines.iter().map(|line| line.round).collect();
    if rounds.len() == 1 { "1 round".to_owned() } else { format!("{} rounds", rounds.len()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compare::plan;

    fn line(round: u32, entry: &str, calls_per_s: f64) -> Line {
        Line {
            round,
            case: "call-16-64".to_owned(),
            entry: entry.to_owned(),
            report: Some(json!({"calls_per_s": calls_per_s, "errors": 0, "mismatches": 0})),
            error: None,
            foreign_cpus: 0.0,
            machine: "a machine".to_owned(),
        }
    }

    #[test]
    fn a_ratio_stays_within_its_round() {
        let cases = plan::plan();
        // The machine is slower by half in the second round, and again in the third.
        let lines: Vec<Line> = [(1, 4.0), (2, 2.0), (3, 1.0)]
            .into_iter()
            .flat_map(|(round, speed)| {
                [line(round, "brpc", 90.0 * speed), line(round, "buf-json-spawn", 100.0 * speed)]
            })
            .collect();
        let table = markdown(&cases, &lines);
        let row = "| 180 (90.0–360) | buf-json-spawn | 200 (100–400) | 0.90 | ≥ 0.85 | yes |";
        assert!(table.contains(row), "{table}");
        assert!(table.contains("Medians of 3 rounds"), "{table}");
    }

    #[test]
    fn what_was_not_measured_has_no_row() {
        let table = markdown(&plan::plan(), &[line(1, "brpc", 100.0)]);
        assert_eq!(table.lines().filter(|line| line.contains("in flight")).count(), 0, "{table}");
    }

    #[test]
    fn a_goal_that_is_missed_is_said() {
        let lines = [line(1, "brpc", 50.0), line(1, "buf-json-spawn", 100.0)];
        let table = markdown(&plan::plan(), &lines);
        assert!(table.contains("| 0.50 | ≥ 0.85 | **no** |"), "{table}");
    }
}
