//! What `--help` prints.

/// The list of commands.
pub(crate) const ALL: &str = "\
cargo x: everything one does with this checkout

  cargo x run [ARGUMENTS]     build host and components, sign them with a developer key, serve MCP
  cargo x test [FILTER]       every test and check; ends with `N passed, N failed`
  cargo x conformance         the official MCP suite against a running host
  cargo x guests              build the components and the tests' guests
  cargo x lint                formatting, clippy and documentation
  cargo x bench [ARGUMENTS]   measure a release build
  cargo x edge [--plain]      the small binary without a compiler, and its size
  cargo x cross [TARGET...]   that binary for five processors, each tried under an emulator
  cargo x fuzz TARGET         arbitrary bytes against the protocol or a format, for a while
  cargo x release --key FILE  everything that is shipped: binaries, packages, image, what they are made of, checksums
  cargo x models              train small language models, and compare with llama.cpp
  cargo x registry-interop    our registry and wkg, oras, skopeo, docker-registry
  cargo x deploy              the manifests for a cluster and the units for systemd, as these read them
  cargo x clients             install the official MCP clients that the tests use
  cargo x doctor              what this machine has, and what mends the rest
  cargo x clean               remove built guests and clients

`cargo x COMMAND --help` says more. Everything made goes below the target directory.
";

const GUESTS: &str = "\
cargo x guests

Builds the workspaces components/ and tests/fixtures/ for wasm32-wasip2, strips each component, embeds its
tidegate.toml, and writes

  target/components/NAME.wasm   the shipped components
  target/fixtures/NAME.wasm     guests that only tests load; without tidegate.toml they stay foreign components

A file whose content does not change is not written, so its signature stays valid. Installs the guest toolchain
when it is missing: with rustup, else with Debian's packages (needs root or sudo without a password).
";

const RUN: &str = "\
cargo x run [ARGUMENTS]

Builds the shipped components and the host, creates a developer key on first use, signs every shipped component with it and starts
`tidegate run` with ARGUMENTS appended, for example

  cargo x run                               MCP on http://127.0.0.1:8765/mcp
  cargo x run -- --listen 127.0.0.1:9000    another port
  cargo x run -- --stdio                    MCP on standard input and output

Key, policy and data are in target/tidegate/; delete that folder to start anew. The policy is written once from
policies/presets/developer.toml and is yours to change.
";

const DEPLOY: &str = "\
cargo x deploy

Validates deploy/kubernetes against the schemas of two versions of Kubernetes, with the pinned PyPI `kubernetes-validate`, and
has systemd say how exposed deploy/systemd leaves the service, where `systemd-analyze` is there. Part of `cargo x test`.
";

const TEST: &str = "\
cargo x test [FILTER]

Checks the formatting, builds the guests and the host, installs the official MCP clients (Node 22 through npm, Python
packages in a venv) and runs the components' own tests, the host's tests, the examples in documentation, clippy and the
documentation. Says how long each step took. Goes on after a failed test, not without something that tests need, and
ends with one line `N passed, N failed`; the exit code is 0 when nothing failed.

FILTER runs only the host's tests whose names contain it.
";

const CONFORMANCE: &str = "\
cargo x conformance

Builds guests and host, installs the official MCP conformance suite that tests/conformance/ pins, starts a host with
`protocol-mcp` and the guest `conformance`, runs both sets of requirements (2026-07-28 and 2025-11-25) and prints a
table. A failed check and a warning both fail; nothing is excused. Part of `cargo x test`.
";

const LINT: &str = "\
cargo x lint [--fix]

cargo fmt --check, cargo clippy with warnings as errors, cargo doc with broken links as errors, for the host and
for the components. --fix formats instead of checking.
";

const BENCH: &str = "\
cargo x bench [ARGUMENTS]

Builds guests and host in the release profile and runs tests/bench with ARGUMENTS.
";

const EDGE: &str = "\
cargo x edge [--plain | --small]

Builds the binary of the edge profile twice, prints the bytes of both, and fails where one is larger than promised:

  --plain   target/edge/tidegate-edge, with the standard library as it comes
  --small   target/edge-small/TARGET/edge/tidegate-edge, with a standard library made for size; needs its sources
            (`rustup component add rust-src`, or Debian's packages rustc-web, cargo-web and rust-web-src)

Takes minutes: everything becomes one unit. Not part of `cargo x test`.
";

const CROSS: &str = "\
cargo x cross [TARGET...] [--quick]

Builds the binary of the edge profile, with a standard library made for size and linked statically with musl, for
aarch64, x86_64, riscv64, armv7 and i686, or for those that are named; starts each under qemu-user with the shipped
components, which are compiled for it and signed, and has the official Python client use their tools over HTTP and stdio.
Prints a table: bytes, the kind of code (native; interpreted on 32-bit processors, and on RISC-V where the code generator
fails on a component: the reason is printed), memory with the emulator's, and whether the client was served.

  --quick   for trials: larger binaries, built in less time

The binaries are target/cross/TRIPLE/edge/tidegate-edge. Needs the sources of the standard library, as `cargo x edge` does,
and qemu-user-static; installs both with apt-get where they are missing (as root), and Zig, which links, as tests/cross pins
it. Takes about ten minutes for each target. Not part of `cargo x test`.
";

const RELEASE: &str = "\
cargo x release --key FILE [TARGET...] [--trial]

Makes everything that is shipped into target/release-files, for all targets of `cargo x cross` or for those that are named:

  tidegate-edge-VERSION-TARGET-linux       the binary, static
  tidegate-edge_VERSION_ARCHITECTURE.deb   for amd64 and arm64, by cargo-deb: service, configuration, policy, components
  tidegate-edge_VERSION.oci.tar            an image for amd64 and arm64, from scratch, by umoci: no daemon, no root
  tidegate-components-VERSION.tar.gz       every shipped component, signed, with native code for all targets
  sbom.cdx.json, *.sigstore.json           what the binary is made of, and how each file was made, signed
  release.pub, SHA256SUMS                  the public half of the key, checksums

and tries it: the packages and the image are unpacked, started with the configuration that they bring, under qemu-user, and used by
the official Python client.

The same commit and key give the same bytes, in any folder of any machine with the same compiler. The key is an Ed25519 key of
`tidegate key new`. The checkout must be a commit; --trial takes it as it is, and names no commit.

Installs what is missing as `cargo x cross` does, umoci and skopeo too. Takes about ten minutes for each target.
";

const MODELS: &str = "\
cargo x models

Trains two language models of llama architecture on this repository's documents, below target/models/llama: one of 15 million
parameters in at most 8 minutes at the lowest priority, and a tiny one in seconds. Quantises them with llama.cpp (built from
the source in PyPI's llama-cpp-python, which takes minutes once), asks it for tokens, logits and embeddings, and compares
components/llama with them. What exists is kept. The tiny model that ordinary tests use is in tests/models/llama/tiny.
";

const FUZZ: &str = "\
cargo x fuzz TARGET [--seconds N]

Builds tests/fuzz with coverage and feeds TARGET arbitrary bytes for N seconds (60), natively, with LLVM's fuzzer. New
inputs are kept in target/fuzz/TARGET; one that fails, takes 10 s or 1 GiB is written to target/fuzz/finding-TARGET-*: mend
what it found and keep it in tests/fuzz/corpus/TARGET, which ordinary tests replay.

mcp-http, mcp-stdio  the protocol component, checked by components/protocol-mcp/src/fuzzing
signature            signature files, envelopes, statements, and who counts as signer; this and the following are checked
                     by tests/formats
manifest             manifests, and components as far as they are read before they are compiled
policy               policy files, and the decisions over them
lock                 locks, advisories, and the hashes of definitions
oci                  manifests, lists and indexes of registries and mirrors, as read and as pushed
keys                 keys, receipts, trusted roots
gguf                 model files of llama architecture, their tokenizers and templates, and the models computed: checked
                     by components/llama/src/fuzzing.rs
wit                  types of components to JSON Schema, values to JSON and back; brings the runtime, which takes minutes
";

const INTEROP: &str = "\
cargo x registry-interop

Runs our registry with wkg, oras (Python) and skopeo, and our client with Debian's docker-registry, which knows no
referrers. Publishes a folder, adds it on another node, and verifies all that is attached to it, also with OpenSSL.
Builds wkg from crates.io the first time, which takes minutes; installs oras as tests/registry pins it, and skopeo and
docker-registry with apt-get where they are missing (as root). Not part of `cargo x test`.
";

const CLIENTS: &str = "\
cargo x clients

Installs what tests/clients/ pins into target/clients/: a Python venv, Node packages (with Node 22 itself), and the
official test suite of JSON Schema.
Does nothing while the lock files are unchanged. Needs python3 with venv, and npm.
";

const DOCTOR: &str = "\
cargo x doctor

Looks for what building and testing need, changes nothing, and prints the command that mends each gap.
";

const CLEAN: &str = "\
cargo x clean

Removes built guests, what tests compiled of them, and the clients' environments. Keeps the host's build and the developer key.
";

/// The help of one command, the list for anything else.
pub(crate) fn of(verb: &str) -> &'static str {
    match verb {
        "guests" => GUESTS,
        "run" => RUN,
        "test" => TEST,
        "lint" => LINT,
        "conformance" => CONFORMANCE,
        "bench" => BENCH,
        "deploy" => DEPLOY,
        "cross" => CROSS,
        "edge" => EDGE,
        "release" => RELEASE,
        "fuzz" => FUZZ,
        "models" => MODELS,
        "registry-interop" => INTEROP,
        "clients" => CLIENTS,
        "doctor" => DOCTOR,
        "clean" => CLEAN,
        _ => ALL,
    }
}
