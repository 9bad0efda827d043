//! Medians and ratios, as a table or as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use serde_json::json;

use crate::cold::Cold;
use crate::load::Load;
use crate::memory::Memory;
use crate::options::Options;
use crate::shape::Shape;

/// What ratios are taken to.
const REFERENCES: [&str; 2] = ["wasmtime serve", "bare hyper"];

/// One subject at one level, and what every round gave.
#[derive(Debug)]
pub(crate) struct Row {
    name: &'static str,
    shape: Shape,
    rounds: Vec<Figures>,
}

/// Figures of a round, or medians over rounds. Times in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
struct Figures {
    p50: f64,
    p99: f64,
    per_second: f64,
    /// CPU time of the server per request.
    cpu: f64,
    /// Bytes.
    resident: f64,
}

#[derive(Debug)]
pub(crate) struct Report {
    machine: String,
    rounds: u32,
    seconds: u32,
    rows: Vec<Row>,
    cold: Vec<Cold>,
    memory: Vec<Memory>,
}

/// The middle of some figures; NaN of none.
pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match (figures.len() % 2, middle.checked_sub(1).and_then(|at| figures.get(at)), figures.get(middle)) {
        (0, Some(one), Some(two)) => f64::midpoint(*one, *two),
        (1, _, Some(one)) => *one,
        _ => f64::NAN,
    }
}

// === impl Row ===

impl Row {
    pub(crate) fn new(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, rounds: Vec::new() }
    }

    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub(crate) fn add(&mut self, load: &Load, cpu: Duration, resident: u64) {
        self.rounds.push(Figures {
            p50: load.p50,
            p99: load.p99,
            per_second: load.per_second,
            cpu: cpu.as_secs_f64() * 1e6 / load.requests as f64,
            resident: resident as f64,
        });
    }

    fn medians(&self) -> Figures {
        let of = |figure: fn(&Figures) -> f64| median(self.rounds.iter().map(figure));
        Figures {
            p50: of(|one| one.p50),
            p99: of(|one| one.p99),
            per_second: of(|one| one.per_second),
            cpu: of(|one| one.cpu),
            resident: of(|one| one.resident),
        }
    }

    /// The median over the rounds of the ratio within each round: what disturbs a round disturbs both.
    fn ratio(&self, to: &Self, figure: fn(&Figures) -> f64) -> f64 {
        median(self.rounds.iter().zip(&to.rounds).map(|(one, other)| figure(one) / figure(other)))
    }
}

// === impl Report ===

impl Report {
    pub(crate) fn new(
        machine: String,
        options: &Options,
        rows: Vec<Row>,
        cold: Vec<Cold>,
        memory: Vec<Memory>,
    ) -> Self {
        Self { machine, rounds: options.rounds, seconds: options.seconds, rows, cold, memory }
    }

    fn reference(&self, name: &str, shape: Shape) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name && row.shape == shape)
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!("{}\nmedians of {} rounds of {} s each\n\n", self.machine, self.rounds, self.seconds);
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{:<22}{:>10}{:>9}{:>9}{:>11}{:>9}{:>9}   {:>13} {:>13}",
            "tools/call on",
            "size",
            "p50 us",
            "p99 us",
            "requests/s",
            "CPU us",
            "RSS MB",
            "p50,CPU/serve",
            "p50,CPU/hyper"
        );
        for row in &self.rows {
            let Figures { p50, p99, per_second, cpu, resident } = row.medians();
            let (name, shape, resident) = (row.name, row.shape, resident / 1e6);
            let _ =
                write!(text, "{name:<22}{shape:>10}{p50:>9.0}{p99:>9.0}{per_second:>11.0}{cpu:>9.1}{resident:>9.1}  ");
            for name in REFERENCES {
                let ratios = self.reference(name, shape).map_or_else(String::new, |reference| {
                    let ratio = |figure| row.ratio(reference, figure);
                    format!("{:.2}, {:.2}", ratio(|one| one.p50), ratio(|one| one.cpu))
                });
                let _ = write!(text, " {ratios:>13}");
            }
            text.push('\n');
        }
        if !self.cold.is_empty() {
            let _ = writeln!(text, "\n{:<32}{:>14}{:>9}", "start to first answer", "ms", "RSS MB");
        }
        for Cold { name, milliseconds, resident } in &self.cold {
            let _ = writeln!(text, "{name:<32}{milliseconds:>14.1}{:>9.1}", resident / 1e6);
        }
        if !self.memory.is_empty() {
            let _ = writeln!(text, "\n{:<56}{:>9}", "memory", "RSS MB");
        }
        for Memory { name, resident, remark } in &self.memory {
            #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
            let megabytes = *resident as f64 / 1e6;
            let _ = writeln!(text, "{name:<56}{megabytes:>9.1}  {remark}");
        }
        text
    }

    pub(crate) fn json(&self) -> Result<String> {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                let to = |name: &str| {
                    self.reference(name, row.shape).map(|reference| {
                        let ratio = |figure| row.ratio(reference, figure);
                        json!({"p50": ratio(|one| one.p50), "cpu": ratio(|one| one.cpu)})
                    })
                };
                let [serve, hyper] = REFERENCES.map(to);
                json!({"subject": row.name, "connections": row.shape.connections, "bytes": row.shape.bytes, "median": row.medians(), "rounds": row.rounds,
                    "to-wasmtime-serve": serve, "to-bare-hyper": hyper})
            })
            .collect();
        let all = json!({"machine": self.machine, "rounds": self.rounds, "seconds": self.seconds, "rows": rows,
            "cold": self.cold, "memory": self.memory});
        Ok(serde_json::to_string_pretty(&all)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn row(name: &'static str, p50s: &[f64]) -> Row {
        let figures = |p50: &f64| Figures { p50: *p50, p99: 1.0, per_second: 1.0, cpu: 1.0, resident: 1.0 };
        Row { name, shape: Shape { bytes: 100, connections: 1 }, rounds: p50s.iter().map(figures).collect() }
    }

    #[test]
    fn ratios_are_taken_within_rounds() {
        // The second round was disturbed: both took three times as long.
        let (one, other) = (row("a", &[20.0, 60.0, 20.0]), row("b", &[10.0, 30.0, 10.0]));
        assert!((one.ratio(&other, |figures| figures.p50) - 2.0).abs() < 1e-9);
        assert!((one.medians().p50 - 20.0).abs() < 1e-9);
        assert!((median([4.0, 1.0, 2.0, 3.0].into_iter()) - 2.5).abs() < 1e-9);
    }

    #[test]
    fn the_table_begins_with_the_machine_and_has_every_row() {
        let options = Options { rounds: 1, seconds: 1, cold: 0, only: None, bytes: None, memory: false, json: false };
        let rows = vec![row("wasmtime serve", &[10.0]), row("tidegate", &[13.0])];
        let report = Report::new("a machine".to_owned(), &options, rows, Vec::new(), Vec::new());
        let table = report.table();
        assert!(table.starts_with("a machine\n"), "{table}");
        let line = table.lines().find(|line| line.starts_with("tidegate")).unwrap();
        assert!(line.contains("1.30, 1.00"), "{line}");
        let json: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        assert_eq!(json.pointer("/rows/1/subject"), Some(&json!("tidegate")));
    }
}
