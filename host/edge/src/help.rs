//! What `--help` and `--version` print.

/// `--version`.
pub(crate) const VERSION: &str =
    concat!("tidegate ", env!("CARGO_PKG_VERSION"), " (wasmtime ", "48.0.8", ", edge profile: no compiler)\n");

/// `--help`.
pub(crate) const ALL: &str = "\
A plugin host for the edge in which every capability is a signed WebAssembly component.
This is the edge profile: it runs what was compiled elsewhere.

Usage: tidegate [--json] COMMAND [OPTIONS]

  run                    loads components and serves clients until Ctrl-C
    --listen ADDRESS       address and port, or unix:/PATH [default: 127.0.0.1:8765]
    --components PATH...   component files, or directories of them, beside those that were added
    --stdio                serve one client over standard input and output, and end with it
    --protocol NAME        which protocol component serves standard input and output
  add X.wasm...          verifies components and lets them serve
  remove NAME...         takes components out; their calls go on to their end
  list                   lists components: signer, tools, and what each may do
    --components PATH...   where no host runs: also these
  verify X.wasm...       verifies components' signatures, without running anything
    --key FILE             believe this public key, and nobody of the policy
  access add-key NAME    makes a key for a client and prints it, once
    --tenant TENANT        the tenant in the policy lines that are shown
    --tools PATTERN        the tools in the policy lines that are shown
  access list            lists the keys there are, without their secrets
  access remove NAME     takes a key away

Options of every command:
  --json                 JSON on standard output, errors as JSON on standard error
  --config FILE          the configuration file [default: ~/.config/tidegate/tidegate.toml]
  --state DIR            the directory for everything the host keeps [default: ~/.local/state/tidegate]
  --policy FILE          a policy file; several are read as one [default: policy.toml beside the configuration file]
  --keys DIR             the directory of this machine's keys [default: keys beside the configuration file]
  --lock FILE            what was approved of each component [default: tidegate.lock beside the configuration file]
  --locked               let in only what the lock approves
  --development          also accept components without a signature that were built on this machine
  --log LEVEL            error, warn, info, debug, trace
  --log-format FORMAT    text, json

Exit codes:
  0  done
  1  the host or the machine failed
  2  wrong arguments, files or configuration
  3  refused by signature or policy
  4  the component failed
  5  not found
";
