//! Models on the terminal.

use tidegate::grant::format_bytes;
use tidegate::{ModelDetails, ModelListing, ModelPort, ModelReport};

use crate::output::{self, Style, printable};

/// Bytes for people: MiB with one digit where the number is not round.
fn bytes(bytes: u64) -> String {
    let exact = format_bytes(bytes);
    if exact.ends_with('B') || bytes < 1 << 20 {
        return exact;
    }
    let tenths = bytes.saturating_mul(10) >> 20;
    format!("{}.{}MiB", tenths / 10, tenths % 10)
}

/// What was added.
pub(super) fn added(model: &ModelReport) {
    output::line(format_args!(
        "added {} {}: components that the policy grants it may use it (`models = [\"{}\"]`)",
        model.name, model.version, model.name
    ));
    for line in lines(model) {
        output::line(format_args!("  {line}"));
    }
}

fn lines(model: &ModelReport) -> Vec<String> {
    let mut lines = vec![format!("signed by {}{}", model.signer.name, proof(model))];
    if !model.description.is_empty() {
        lines.push(printable(&model.description));
    }
    lines.push(format!("format    {}", model.format));
    if let Some(licence) = &model.licence {
        lines.push(format!("licence   {}", printable(licence)));
    }
    for variant in &model.variants {
        let here = if variant.name == model.variant { "  (taken here)" } else { "" };
        lines.push(format!(
            "variant   {}, {}, needs {}{here}",
            variant.name,
            bytes(variant.size),
            bytes(variant.needs)
        ));
    }
    lines
}

fn proof(model: &ModelReport) -> String {
    model.signer.proof().map(|proof| format!(" ({proof})")).unwrap_or_default()
}

/// Every model.
pub(super) fn list(listing: &ModelListing) {
    if listing.models.is_empty() {
        output::line("no models: add one with `tidegate model add FOLDER`");
    } else {
        let head = ["NAME", "VERSION", "FORMAT", "VARIANT", "SIZE", "SIGNER", "MEMORY"].map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head).chain(listing.models.iter().map(row)).collect();
        let widths: Vec<usize> = (0..7)
            .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0))
            .collect();
        for row in rows {
            let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            output::line(cells.join("  ").trim_end());
        }
        output::line(format_args!("{} of {} in use", bytes(listing.used), bytes(listing.memory)));
    }
    let style = Style::stdout();
    for refused in &listing.refused {
        let reason = refused.reason.replace('\n', "\n  ");
        output::line(format_args!("{} {}\n  {reason}", style.bad("refused"), printable(&refused.what)));
    }
}

fn row(model: &ModelReport) -> [String; 7] {
    let size = model.variants.iter().find(|variant| variant.name == model.variant).map_or(0, |variant| variant.size);
    [
        model.name.clone(),
        model.version.clone(),
        model.format.clone(),
        model.variant.clone(),
        bytes(size),
        model.signer.name.clone(),
        if model.loaded == 0 { "not loaded".to_owned() } else { bytes(model.loaded) },
    ]
}

/// Everything about one model.
pub(super) fn details(details: &ModelDetails) {
    let model = &details.model;
    output::line(format_args!("{} {}  {}", model.name, model.version, model.digest));
    for line in lines(model) {
        output::line(format_args!("  {line}"));
    }
    output::line("what its backend reads in its file:");
    let say = |name: &str, text: &str| {
        if !text.is_empty() {
            output::line(format_args!("  {name:<12} {}", printable(text)));
        }
    };
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    say("title", details.title.as_deref().unwrap_or_default());
    say("architecture", &details.architecture);
    say("quantisation", details.quantisation.as_deref().unwrap_or_default());
    say("parameters", &number(details.parameters));
    say("inputs", &ports(&details.inputs));
    say("outputs", &ports(&details.outputs));
    say("context", &number(details.context_length.map(u64::from)));
    say("embedding", &number(details.embedding_length.map(u64::from)));
    say("tokenizer", details.tokenizer.as_deref().unwrap_or_default());
    say("classes", &details.labels.join(", "));
    say("licence", details.licence.as_deref().unwrap_or_default());
    say("can", &details.capabilities.join(", "));
    say("memory", &bytes(details.memory));
    for (key, value) in &details.metadata {
        say(key, value);
    }
}

fn ports(ports: &[ModelPort]) -> String {
    ports.iter().map(|port| format!("{} {}", port.name, port.shape)).collect::<Vec<_>>().join(", ")
}
