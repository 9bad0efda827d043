//! The commands: which arguments each takes, and where it is carried out.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use tidegate_commands::access::AddKey;
use tidegate_commands::failure::{Blame as _, Exit, Result};
use tidegate_commands::run::Run;
use tidegate_commands::settings::Settings;
use tidegate_commands::verify::{self, Verify};
use tidegate_commands::{access, add, block_on, list, remove};

use crate::arguments::Given;

/// A command's name and what it takes.
pub(crate) struct Command {
    /// As it is typed.
    pub(crate) name: &'static str,
    /// Options of its own.
    pub(crate) options: &'static [&'static str],
    /// How many words it takes beside options.
    pub(crate) words: RangeInclusive<usize>,
    /// The same, in words.
    pub(crate) wants: &'static str,
    /// Carries it out.
    pub(crate) run: fn(Given) -> Result<Exit>,
}

const MANY: RangeInclusive<usize> = 1..=usize::MAX;
const ONE: RangeInclusive<usize> = 1..=1;
const NONE: RangeInclusive<usize> = 0..=0;

/// Every command.
pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "run",
        options: &["--listen", "--components", "--stdio", "--protocol"],
        words: NONE,
        wants: "options only",
        run: |given| {
            let settings = settings(&given, false)?;
            Run { components: given.components, stdio: given.stdio, protocol: given.protocol }.run(settings)
        },
    },
    Command {
        name: "add",
        options: &[],
        words: MANY,
        wants: "component files",
        run: |given| {
            let settings = settings(&given, true)?;
            block_on(add::add(&paths(&given), &settings, given.json, async |path| Ok(path.to_owned())))
        },
    },
    Command {
        name: "remove",
        options: &[],
        words: MANY,
        wants: "names of components, as `tidegate list` shows them",
        run: |given| block_on(remove::remove(&names(&given), &settings(&given, true)?, given.json)),
    },
    Command {
        name: "list",
        options: &["--components"],
        words: NONE,
        wants: "options only",
        run: |given| block_on(list::show(&given.components, &settings(&given, true)?, given.json)),
    },
    Command {
        name: "verify",
        options: &["--key"],
        words: MANY,
        wants: "component files",
        run: |given| {
            let trust = match &given.key {
                Some(key) => verify::trust_of_key(key)?,
                None => verify::trust_of_policy(&settings(&given, true)?)?,
            };
            Verify { trust, statements: Vec::new(), components: paths(&given) }.run(given.json)
        },
    },
    Command {
        name: "access add-key",
        options: &["--tenant", "--tools"],
        words: ONE,
        wants: "one name for the key",
        run: |given| {
            let (name, settings) = (names(&given).concat(), settings(&given, true)?);
            // Without a pattern: all tools.
            let tools = if given.tools.is_empty() { vec!["*".parse().blame(Exit::Usage)?] } else { given.tools };
            AddKey { name, tenant: given.tenant, tools }.run(&settings, given.json)
        },
    },
    Command {
        name: "access list",
        options: &[],
        words: NONE,
        wants: "options only",
        run: |given| access::list(&settings(&given, true)?, given.json),
    },
    Command {
        name: "access remove",
        options: &[],
        words: ONE,
        wants: "the key's name",
        run: |given| access::remove(&names(&given).concat(), &settings(&given, true)?, given.json),
    },
];

fn settings(given: &Given, quiet: bool) -> Result<Settings> {
    Ok(Settings::load(given.options.clone(), quiet)?.without_compiler())
}

fn paths(given: &Given) -> Vec<PathBuf> {
    given.words.iter().map(PathBuf::from).collect()
}

fn names(given: &Given) -> Vec<String> {
    given.words.iter().map(|word| word.to_string_lossy().into_owned()).collect()
}
