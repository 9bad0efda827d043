//! `tidegate call`.

mod arguments;

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use tidegate::{ContentReport, ControlReply, ControlRequest, OutputReport};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::failure::{Exit, Result};
use crate::node::{Load, Node, unexpected};
use crate::output::{self, Style, printable};
use crate::settings::Settings;

/// `tidegate call`.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The tool, by the name under which it is listed.
    tool: String,
    /// A JSON object; or KEY=VALUE once or more, where a value that is JSON counts as such unless the tool wants a text,
    /// and anything else as text; or @FILE with a JSON object; or - for standard input. A KEY=VALUE after an object changes it.
    #[arg(value_name = "ARGUMENTS")]
    arguments: Vec<String>,
    /// Where no host runs: also component files, or directories of them.
    #[arg(long, value_name = "PATH")]
    components: Vec<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

impl Call {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        let arguments = arguments::read(&self.arguments)?;
        let settings = Settings::load(&self.host, true)?;
        block_on(async {
            let node = Node::open(&settings, Load::Everything(&self.components)).await?;
            let refused = match &node {
                Node::Own { refused, .. } => refused.clone(),
                Node::Running(_) => Vec::new(),
            };
            let tools = match arguments.has_words() {
                true => node.tools(&settings).await?,
                false => Vec::new(),
            };
            let schema = tools.into_iter().find(|tool| tool.name == self.tool).map(|tool| tool.input_schema);
            let arguments = Value::Object(arguments.for_schema(schema.as_ref()));
            let called = node.ask(ControlRequest::Call { tool: self.tool, arguments }, print_event).await;
            if matches!(&called, Err(failure) if failure.exit() == Exit::NotFound) {
                // Perhaps the tool's component is one of these.
                for refused in refused {
                    eprintln!("{} {}: {}", Style::stderr().bad("refused"), printable(&refused.what), refused.reason);
                }
            }
            let output = match called? {
                ControlReply::Output(output) => *output,
                other => return Err(unexpected(&other)),
            };
            if json {
                output::json(&output)?
            } else {
                print_output(&output)
            }
            Ok(if output.is_error { Exit::Component } else { Exit::Done })
        })
    }
}

/// On the way: to standard error.
fn print_event(reply: &ControlReply) {
    let style = Style::stderr();
    match reply {
        ControlReply::Progress { progress, total, message } => {
            let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
            let message = message.as_deref().map(|message| format!("  {}", printable(message))).unwrap_or_default();
            eprintln!("{} {progress}{of}{message}", style.dim("progress"));
        }
        ControlReply::Message { severity, data } => {
            let text = data.as_str().map_or_else(|| data.to_string(), printable);
            eprintln!("{} {text}", style.dim(severity));
        }
        _ => {}
    }
}

/// The result. Text as it is: whoever pipes it wants nothing else; a terminal gets no control characters but line ends.
fn print_output(result: &OutputReport) {
    use std::io::IsTerminal as _;
    let mut out = std::io::stdout().lock();
    let terminal = out.is_terminal();
    let mut write = |text: &str| {
        let shown: String = match terminal {
            true => text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect(),
            false => text.to_owned(),
        };
        // A reader that has gone away wants no more.
        let _ = out.write_all(shown.as_bytes());
        if !shown.ends_with('\n') {
            let _ = out.write_all(b"\n");
        }
    };
    for content in &result.content {
        match content {
            ContentReport::Text { text } | ContentReport::Embedded { text: Some(text), .. } => write(text),
            ContentReport::Image { mime_type, data } | ContentReport::Audio { mime_type, data } => {
                write(&format!("[{mime_type}, {} bytes; `--json` has them]", data.len().saturating_mul(3) / 4));
            }
            ContentReport::Link { uri, name } => write(&format!("[{name}: {uri}]")),
            ContentReport::Embedded { uri, .. } => write(&format!("[{uri}; `--json` has its bytes]")),
        }
    }
    if let (true, Some(structured)) = (result.content.is_empty(), &result.structured) {
        write(&serde_json::to_string_pretty(structured).unwrap_or_default());
    }
    if result.is_error {
        eprintln!("{} the tool says that it failed", Style::stderr().bad("error:"));
    }
}
