//! The throughput as a picture.

use std::fmt::Write as _;

use super::kept::Line;
use super::number::number;
use super::plan::{Beside, Case, Kind};
use super::table::{Spread, rounds, values};
use crate::Error;

const WIDTH: f64 = 760.0;
/// Where bars begin, right of the names.
const LEFT: f64 = 170.0;
/// Room for the numbers, right of the longest bar.
const RIGHT: f64 = 110.0;
const BAR: f64 = 18.0;
const BAR_AND_GAP: f64 = 24.0;
const TITLE: f64 = 34.0;
const GROUP: f64 = 30.0;
const MARGIN: f64 = 20.0;

/// One bar.
struct Bar {
    name: &'static str,
    kind: Kind,
    value: f64,
}

/// Calls a second with the smaller payload, a group of bars for each number of calls in flight. On a
/// ground of its own, so that it can be read on pages of any colour.
pub(super) fn draw(cases: &[Case], lines: &[Line]) -> Result<String, Error> {
    let groups: Vec<(&str, Vec<Bar>)> = cases
        .iter()
        .filter(|case| case.name.starts_with("call-") && case.name.ends_with("-64"))
        .map(|case| (case.title.as_str(), bars(case, lines)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let most = groups.iter().flat_map(|(_, bars)| bars).map(|bar| bar.value).reduce(f64::max);
    let most = most.ok_or("no throughput was measured, so there is nothing to draw")?;

    let mut body = String::new();
    let mut y = MARGIN + TITLE;
    for (title, bars) in &groups {
        let _ = writeln!(
            body,
            r#"<text x="{MARGIN}" y="{:.0}" class="group">{title}</text>"#,
            y + 14.0
        );
        y += GROUP;
        for bar in bars {
            body += &bar.draw(y, most);
            y += BAR_AND_GAP;
        }
        y += MARGIN / 2.0;
    }
    let machine = lines.last().map_or("", |line| line.machine.as_str());
    let _ = writeln!(
        body,
        r#"<text x="{MARGIN}" y="{:.0}" class="note">Medians of {}. {}</text>"#,
        y + 8.0,
        rounds(lines),
        escaped(machine)
    );
    let height = y + MARGIN + 4.0;
    Ok(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-label="Calls a second over one connection">
<style>
text {{ font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }}
.title {{ font-size: 16px; font-weight: 600 }}
.group {{ font-weight: 600; fill: #57606a }}
.name {{ text-anchor: end }}
.note {{ font-size: 11px; fill: #57606a }}
</style>
<rect x="0.5" y="0.5" width="{:.1}" height="{:.1}" rx="8" fill="#ffffff" stroke="#d0d7de"/>
<text x="{MARGIN}" y="{:.0}" class="title">Calls a second over one connection</text>
{body}</svg>
"##,
        WIDTH - 1.0,
        height - 1.0,
        MARGIN + 14.0,
    ))
}

/// A text, escaped for XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The medians of a case, in the order of the plan.
fn bars(case: &Case, lines: &[Line]) -> Vec<Bar> {
    let Some(measure) = case.measures.first() else { return Vec::new() };
    let bar = |entry: &super::plan::Entry| {
        let values = values(case, measure, Beside::Entry(entry.name), lines);
        let spread = Spread::of(values.into_iter().map(|(_, value)| value))?;
        Some(Bar { name: entry.name, kind: entry.kind, value: spread.median })
    };
    case.entries.iter().filter_map(bar).collect()
}

impl Bar {
    fn draw(&self, y: f64, most: f64) -> String {
        let width = (self.value / most * (WIDTH - LEFT - RIGHT)).max(1.0);
        let (colour, weight) = match self.kind {
            Kind::Project => ("#0969da", "600"),
            Kind::Limit | Kind::Ceiling => ("#8c959f", "400"),
            Kind::Peer => ("#bf8700", "400"),
        };
        let name = match self.kind {
            Kind::Limit | Kind::Ceiling => format!("limit: {}", self.name),
            Kind::Project | Kind::Peer => self.name.to_owned(),
        };
        let (baseline, end) = (y + BAR - 4.5, LEFT + width);
        let (name_end, number_start, value) = (LEFT - 8.0, end + 6.0, number(self.value));
        format!(
            r#"<text x="{name_end:.1}" y="{baseline:.1}" class="name" font-weight="{weight}">{name}</text>
<rect x="{LEFT:.1}" y="{y:.1}" width="{width:.1}" height="{BAR:.1}" rx="2" fill="{colour}"/>
<text x="{number_start:.1}" y="{baseline:.1}" font-weight="{weight}">{value}</text>
"#
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compare::plan;

    #[test]
    fn bars_are_as_long_as_their_numbers() {
        let line = |entry: &str, calls_per_s: u32| Line {
            round: 1,
            case: "call-16-64".to_owned(),
            entry: entry.to_owned(),
            report: Some(json!({"calls_per_s": calls_per_s})),
            error: None,
            foreign_cpus: 0.0,
            machine: "R&D".to_owned(),
        };
        let svg = draw(&plan::plan(), &[line("brpc", 1_000), line("buf-json", 2_000)]).unwrap();
        let longest = WIDTH - LEFT - RIGHT;
        for width in [longest, longest / 2.0] {
            assert!(svg.contains(&format!(r#"width="{width:.1}""#)), "{svg}");
        }
        assert!(svg.contains("Medians of 1 round. R&amp;D"), "{svg}");
        assert!(svg.contains(">limit: buf-json</text>") && svg.contains(">1,000</text>"), "{svg}");
        assert!(!svg.contains("tarpc"), "{svg}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert!(draw(&plan::plan(), &[]).is_err());
    }
}
