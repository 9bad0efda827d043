//! Language models: the backend `model-gguf` in the host's engine, beside llama.cpp with one thread.
//!
//! Both read the same prompt and answer greedily, in alternation; what is compared is the best round of each, which other work
//! on the machine disturbs least. The models and llama.cpp are those of `cargo x models`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use tidegate_bindings::model_backend::ModelBackend;
use tidegate_bindings::model_backend::exports::tidegate::model::backend::{Guest, LoadOptions, Model};
use tidegate_bindings::model_backend::tidegate::model::types::{GenerateRequest, Prompt, Sampling, Step};
use tidegate_bindings::model_backend::tidegate::model::{control, types, weights};
use tidegate_engine::{Engine, EngineConfig, HostKey};
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{ResourceLimiter, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// Tokens of the prompt, and of the answer.
const PROMPT: u32 = 128;
const ANSWER: u32 = 64;
/// Rounds in which both have their turn.
const ROUNDS: u32 = 5;

/// What a store holds: the file, and how large its memory became.
struct State {
    file: Vec<u8>,
    memory: usize,
    table: ResourceTable,
    wasi: WasiCtx,
}

/// What was measured, the best of all rounds.
#[derive(Default)]
struct Row {
    kind: &'static str,
    size: usize,
    load: Duration,
    first: Duration,
    memory: usize,
    /// Tokens per second, ours and llama.cpp's.
    reading: [f64; 2],
    writing: [f64; 2],
}

pub(crate) fn measure() -> Result<()> {
    let target = PathBuf::from("target");
    let component =
        std::fs::read(target.join("components/model-gguf.wasm")).context("`cargo x guests` makes the component")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("{}", crate::machine::line());
    let mut config = EngineConfig::new(HostKey([7; 32]));
    // On a machine that is busy with other work too; what compiling takes is not what is measured.
    config.compile_limits.wall = Duration::from_secs(600);
    let engine = Engine::new(config)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &component);
    let loaded =
        runtime.block_on(engine.load(&component, digest.as_ref().try_into().context("a digest has 32 bytes")?))?;
    println!(
        "model-gguf.wasm: {} kB; models of 15 million parameters, prompt {PROMPT}, answer {ANSWER}",
        component.len() / 1000
    );
    for kind in ["q4_0", "q8_0"] {
        let file = std::fs::read(target.join(format!("models/llama/small-{kind}.gguf")))
            .context("`cargo x models` makes the models")?;
        let mut row = Row { kind, size: file.len(), load: Duration::MAX, first: Duration::MAX, ..Row::default() };
        for _ in 0..ROUNDS {
            let ours = ours(&engine, &loaded.component, &file, &mut row);
            runtime.block_on(ours).map_err(|error| anyhow!("the component: {error:#}"))?;
            theirs(&target, &mut row)?;
        }
        row.print();
    }
    Ok(())
}

impl Row {
    fn print(&self) {
        let [reading, reference_reading] = self.reading;
        let [writing, reference_writing] = self.writing;
        println!(
            "{}: prompt {reading:.0} of {reference_reading:.0} tokens/s ({:.2}x), generation {writing:.0} of {reference_writing:.0} ({:.2}x)",
            self.kind,
            reading / reference_reading,
            writing / reference_writing
        );
        println!(
            "      load {:.1} ms, first token after it {:.1} ms, memory {:.1} MB for a file of {:.1} MB",
            self.load.as_secs_f64() * 1e3,
            self.first.as_secs_f64() * 1e3,
            self.memory as f64 / 1e6,
            self.size as f64 / 1e6
        );
    }
}

/// A round of ours: a fresh instance, a load, a short question, a prompt and its answer.
async fn ours(
    engine: &Engine,
    component: &wasmtime::component::Component,
    file: &[u8],
    row: &mut Row,
) -> wasmtime::Result<()> {
    let mut linker = Linker::<State>::new(engine.wasmtime());
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    ModelBackend::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    let state = State { file: file.to_vec(), memory: 0, table: ResourceTable::new(), wasi: WasiCtx::builder().build() };
    let mut store = Store::new(engine.wasmtime(), state);
    store.limiter(|state| state);
    store.set_epoch_deadline(u64::MAX / 2);
    let instance = ModelBackend::instantiate_async(&mut store, component, &linker).await?;
    let backend = instance.tidegate_model_backend();
    let began = Instant::now();
    let source = Resource::new_own(1);
    let options = LoadOptions { context_length: Some(512) };
    let model = said(backend.model().call_load(&mut store, source, options).await?)?;
    row.load = row.load.min(began.elapsed());
    let began = Instant::now();
    generate(backend, &mut store, model, vec![1, 2, 3, 4], 1).await?;
    row.first = row.first.min(began.elapsed());
    let prompt = (0..PROMPT).map(|at| if at == 0 { 1 } else { 300 + at * 37 % 1500 }).collect();
    let (reading, writing) = generate(backend, &mut store, model, prompt, ANSWER + 1).await?;
    let [best, _] = &mut row.reading;
    *best = best.max(f64::from(PROMPT) / reading.as_secs_f64());
    let [best, _] = &mut row.writing;
    *best = best.max(f64::from(ANSWER) / writing.as_secs_f64());
    row.memory = row.memory.max(store.data().memory);
    Ok(())
}

/// Generates greedily. The time until the prompt was read, and the time from the first token to the last.
async fn generate(
    backend: &Guest,
    store: &mut Store<State>,
    model: Model,
    prompt: Vec<u32>,
    most: u32,
) -> wasmtime::Result<(Duration, Duration)> {
    let sampling = Sampling {
        temperature: Some(0.0),
        top_k: None,
        top_p: None,
        min_p: None,
        repetition_penalty: None,
        repetition_window: None,
        frequency_penalty: None,
        presence_penalty: None,
        seed: None,
    };
    let request = GenerateRequest {
        prompt: Prompt::Tokens(prompt),
        max_tokens: Some(most),
        stop: Vec::new(),
        sampling,
        constraint: None,
        logprobs: false,
    };
    let generation = said(backend.model().call_generate(&mut *store, model, &request).await?)?;
    let began = Instant::now();
    let mut read = Duration::ZERO;
    loop {
        match said(backend.generation().call_next(&mut *store, generation).await?)? {
            Step::Prompt(_) => read = began.elapsed(),
            Step::Chunk(_) => {}
            Step::Done(_) => break,
        }
    }
    let whole = began.elapsed();
    generation.resource_drop_async(&mut *store).await?;
    Ok((read, whole - read))
}

fn said<T>(result: std::result::Result<T, types::Error>) -> wasmtime::Result<T> {
    result.map_err(|error| wasmtime::Error::msg(format!("{error:?}")))
}

/// A round of llama.cpp's.
fn theirs(target: &Path, row: &mut Row) -> Result<()> {
    let python = target.join("models/python/bin/python");
    let mut command = Command::new(python);
    command.args(["tests/models/llama/reference.py", "bench", "target/models/llama", "small"]);
    let output = command
        .args([PROMPT.to_string(), ANSWER.to_string()])
        .arg(row.kind)
        .output()
        .context("`cargo x models` installs llama.cpp")?;
    if !output.status.success() {
        bail!("llama.cpp: {}", String::from_utf8_lossy(&output.stderr));
    }
    let rates: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let rate = |key: &str| rates.get(key).and_then(serde_json::Value::as_f64).context("llama.cpp says no rate");
    let [_, best] = &mut row.reading;
    *best = best.max(rate("prompt")?);
    let [_, best] = &mut row.writing;
    *best = best.max(rate("generation")?);
    Ok(())
}

// === impl State ===

impl ResourceLimiter for State {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.memory = self.memory.max(desired);
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, _desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl types::Host for State {}

impl tidegate_bindings::types::content::Host for State {}

impl weights::Host for State {}

impl weights::HostSource for State {
    fn name(&mut self, _this: Resource<weights::Source>) -> wasmtime::Result<String> {
        Ok("small".to_owned())
    }

    fn format(&mut self, _this: Resource<weights::Source>) -> wasmtime::Result<String> {
        Ok("gguf".to_owned())
    }

    fn parts(&mut self, _this: Resource<weights::Source>) -> wasmtime::Result<Vec<weights::Part>> {
        Ok(vec![weights::Part { name: "model.gguf".to_owned(), size: self.file.len() as u64 }])
    }

    fn settings(&mut self, _this: Resource<weights::Source>) -> wasmtime::Result<String> {
        Ok("{}".to_owned())
    }

    async fn read(
        &mut self,
        _this: Resource<weights::Source>,
        _part: u32,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<std::result::Result<Vec<u8>, weights::Error>> {
        let from = self.file.get(usize::try_from(offset)?..).unwrap_or_default();
        Ok(Ok(from.get(..from.len().min(length as usize)).unwrap_or_default().to_vec()))
    }

    fn drop(&mut self, _this: Resource<weights::Source>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl control::Host for State {
    fn check(&mut self) -> wasmtime::Result<std::result::Result<(), control::Stop>> {
        Ok(Ok(()))
    }

    fn available_memory(&mut self) -> wasmtime::Result<u64> {
        Ok(1 << 30)
    }
}
