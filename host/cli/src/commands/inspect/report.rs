//! Everything about one component.

use serde::Serialize;
use serde_json::{Value, json};
use tidegate::attestation::VerifiedBundle;
use tidegate::bundle::Bundle;
use tidegate::grant::Requests;
use tidegate::{ComponentReport, SignerReport};

use crate::commands::native::NativeReport;
use crate::failure::Result;
use crate::output::{self, Style, printable};

/// Everything; what is not known is none.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Report {
    /// Name and version.
    pub(crate) reference: Option<String>,
    /// Digest of its bytes.
    pub(crate) digest: String,
    /// Bytes.
    pub(crate) size: Option<u64>,
    /// Who signed it, or why that does not count.
    pub(crate) signature: Value,
    /// `tool`, `protocol`, ...; a component without a manifest has none.
    pub(crate) kind: Option<String>,
    /// What its author says it is.
    pub(crate) description: Option<String>,
    /// What its manifest asks for.
    pub(crate) requests: Option<Requests>,
    /// Names of imported interfaces.
    pub(crate) imports: Vec<String>,
    /// Names of exported interfaces and functions.
    pub(crate) exports: Vec<String>,
    /// Native code beside it.
    pub(crate) native: Vec<NativeReport>,
    /// A host runs with it.
    pub(crate) running: bool,
    /// What a host says that has loaded it.
    pub(crate) loaded: Option<ComponentReport>,
    /// Why it cannot be loaded.
    pub(crate) load_refusal: Option<String>,
}

impl Report {
    /// What its bytes tell.
    pub(crate) fn of_bundle(bundle: &Bundle, verified: &Result<VerifiedBundle>) -> Self {
        let manifest = bundle.manifest();
        let signature = match verified {
            Ok(verified) => verified_by(&SignerReport::new(verified.signer())),
            Err(failure) => json!({ "is": "refused", "reason": failure.text() }),
        };
        let reference = match verified {
            Ok(verified) => Some(verified.reference().to_string()),
            Err(_) => manifest.map(|manifest| manifest.reference().to_string()),
        };
        Self {
            reference,
            digest: bundle.digest().to_string(),
            size: Some(bundle.size()),
            signature,
            kind: manifest.map(|manifest| manifest.kind.to_string()),
            description: manifest.map(|manifest| manifest.description.clone()),
            requests: manifest.map(|manifest| manifest.requests.clone()),
            imports: bundle.imports().to_vec(),
            exports: bundle.exports().to_vec(),
            ..Self::default()
        }
    }

    /// What the host tells that runs with it; it came from a file that is known to the host only.
    pub(crate) fn of_loaded(loaded: ComponentReport) -> Self {
        Self {
            reference: Some(format!("{}@{}", loaded.name, loaded.version)),
            digest: loaded.digest.clone(),
            signature: verified_by(&loaded.signer),
            kind: Some(loaded.kind.clone()),
            description: loaded.description.clone(),
            requests: loaded.requests.clone(),
            imports: loaded.imports.iter().map(|import| import.name.clone()).collect(),
            running: true,
            loaded: Some(loaded),
            ..Self::default()
        }
    }

    /// For people.
    pub(crate) fn print(&self) {
        let style = Style::stdout();
        let head = self.reference.as_deref().unwrap_or("a component without a manifest");
        output::line(style.strong(printable(head)));
        let row = |name: &str, value: &str| output::line(format_args!("  {name:<11}  {value}"));
        row("digest", &self.digest);
        if let Some(size) = self.size {
            row("size", &format!("{size} bytes"));
        }
        let text = |key: &str| self.signature.get(key).and_then(Value::as_str);
        match (text("signer"), text("reason")) {
            (Some(signer), _) => {
                let proof = text("fingerprint").map(str::to_owned);
                let identity = || format!("{}, by {}", text("identity").unwrap_or("?"), text("issuer").unwrap_or("?"));
                let proof = proof.or_else(|| text("identity").map(|_| identity())).unwrap_or_default();
                row("signed by", &format!("{signer} {}", printable(&proof)));
            }
            (None, reason) => row("signature", &style.bad(format!("refused: {}", reason.unwrap_or_default()))),
        }
        for native in &self.native {
            native.print(style);
        }
        if let (Some(kind), Some(description)) = (&self.kind, &self.description) {
            row("kind", kind);
            row("description", &printable(description));
        }
        for request in self.requests.iter().flat_map(Requests::iter) {
            row("asks for", &printable(&format!("{request}: {}", request.reason())));
        }
        match &self.loaded {
            Some(loaded) => print_loaded(loaded, self.running, style),
            None => {
                for import in &self.imports {
                    row("imports", &printable(import));
                }
            }
        }
        for export in &self.exports {
            row("exports", &printable(export));
        }
        if let Some(refusal) = &self.load_refusal {
            row("load", &style.bad(format!("refused: {refusal}")));
        }
    }
}

fn verified_by(signer: &SignerReport) -> Value {
    json!({
        "is": "verified",
        "signer": signer.name,
        "fingerprint": signer.fingerprint,
        "identity": signer.identity,
        "issuer": signer.issuer,
    })
}

fn print_loaded(loaded: &ComponentReport, running: bool, style: Style) {
    let row = |name: &str, value: &str| output::line(format_args!("  {name:<11}  {value}"));
    if running {
        row("running", &format!("yes, {} calls now", loaded.calls));
    }
    row(
        "state",
        if loaded.stateful { "stateful: one instance for all calls" } else { "stateless: a fresh instance each call" },
    );
    for path in &loaded.paths {
        row("serves", &printable(path));
    }
    for import in &loaded.imports {
        row("imports", &format!("{}  {}", printable(&import.name), style.dim(&import.why)));
    }
    for may in &loaded.may {
        row("may", &format!("{}  {}", printable(&may.what), style.dim(&may.by)));
    }
    for (key, value) in &loaded.limits {
        row("limit", &format!("{key} = {value}"));
    }
    for tool in &loaded.tools {
        row("tool", &format!("{}  {}", style.strong(printable(&tool.name)), printable(&tool.description)));
        output::line(format_args!("               arguments {}", tool.input_schema));
        if let Some(schema) = &tool.output_schema {
            output::line(format_args!("               result    {schema}"));
        }
    }
    for left_out in &loaded.left_out {
        row("no tool", &printable(left_out));
    }
    for resource in &loaded.resources {
        row("resource", &printable(resource));
    }
    for prompt in &loaded.prompts {
        row("prompt", &printable(prompt));
    }
}
