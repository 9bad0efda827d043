//! What was typed, read by tables: the library that the full command line has for it brings much that one page of help does not
//! need.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use tidegate::grant::Pattern;
use tidegate_commands::failure::{Failure, Result, fail};
use tidegate_config::Options;

use crate::command::{COMMANDS, Command};
use crate::help;

/// What was asked for.
pub(crate) enum Typed {
    /// A text to standard output.
    Text(&'static str),
    /// A command, with every option that was given; which of them it takes stands in [`COMMANDS`].
    Command(&'static Command, Box<Given>),
}

/// Options and words.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// Those that the configuration knows.
    pub(crate) options: Options,
    pub(crate) json: bool,
    pub(crate) stdio: bool,
    pub(crate) protocol: Option<String>,
    pub(crate) components: Vec<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) tenant: Option<String>,
    pub(crate) tools: Vec<Pattern>,
    /// What stands without an option: files or names.
    pub(crate) words: Vec<OsString>,
}

/// Options that every command takes.
const EVERYWHERE: &[&str] = &[
    "--json",
    "--config",
    "--state",
    "--policy",
    "--keys",
    "--lock",
    "--locked",
    "--development",
    "--log",
    "--log-format",
];

/// Reads arguments, without the program's name.
///
/// # Errors
/// An argument that nothing takes, or that lacks something.
pub(crate) fn read(words: Vec<OsString>) -> Result<Typed> {
    let mut given = Given::default();
    let mut words = words.into_iter().peekable();
    while words.next_if(|word| word == "--json").is_some() {
        given.json = true;
    }
    let Some(first) = words.next() else {
        return Err(fail!(Usage, "no command is named\n\n{}", help::ALL.trim_end()));
    };
    match first.to_str() {
        Some("-h" | "--help" | "help") => return Ok(Typed::Text(help::ALL)),
        Some("-V" | "--version") => return Ok(Typed::Text(help::VERSION)),
        _ => {}
    }
    let mut name = first.to_string_lossy().into_owned();
    if name == "access"
        && let Some(second) = words.next_if(|word| !word.to_string_lossy().starts_with('-'))
    {
        name = format!("{name} {}", second.to_string_lossy());
    }
    let mut rest: Vec<OsString> = words.collect();
    if rest.iter().any(|word| word == "--help" || word == "-h") {
        return Ok(Typed::Text(help::ALL));
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return Err(unknown(&name));
    };
    rest.reverse();
    while let Some(word) = rest.pop() {
        match word.to_str().filter(|word| word.starts_with('-') && *word != "-") {
            Some(option) => {
                let (option, value) = match option.split_once('=') {
                    Some((option, value)) => (option.to_owned(), Some(OsString::from(value))),
                    None => (option.to_owned(), None),
                };
                if !EVERYWHERE.contains(&option.as_str()) && !command.options.contains(&option.as_str()) {
                    return Err(fail!(Usage, "`{name}` takes no option `{option}`; `--help` lists what there is"));
                }
                given.take(&option, value, &mut rest)?;
            }
            None => given.words.push(word),
        }
    }
    if !command.words.contains(&given.words.len()) {
        return Err(fail!(Usage, "`{name}` takes {}; `--help` shows it", command.wants));
    }
    if given.stdio && given.options.listen.is_some() {
        return Err(fail!(Usage, "`--stdio` and `--listen` exclude each other"));
    }
    if given.protocol.is_some() && !given.stdio {
        return Err(fail!(Usage, "`--protocol` is for `--stdio`"));
    }
    Ok(Typed::Command(command, Box::new(given)))
}

impl Given {
    /// One option and its value. `rest` is what follows, the next last.
    fn take(&mut self, option: &str, value: Option<OsString>, rest: &mut Vec<OsString>) -> Result<()> {
        let flag = match option {
            "--json" => Some(&mut self.json),
            "--stdio" => Some(&mut self.stdio),
            "--locked" => Some(&mut self.options.locked),
            "--development" => Some(&mut self.options.development),
            _ => None,
        };
        if let Some(flag) = flag {
            if value.is_some() {
                return Err(fail!(Usage, "`{option}` takes no value"));
            }
            *flag = true;
            return Ok(());
        }
        let is_value = |word: &OsString| !word.to_string_lossy().starts_with("--");
        let Some(value) = value.or_else(|| rest.pop_if(|word| is_value(word))) else {
            return Err(fail!(Usage, "`{option}` wants a value; `--help` shows it"));
        };
        match option {
            "--config" => self.options.config = Some(value.into()),
            "--state" => self.options.state = Some(value.into()),
            "--policy" => self.options.policy.push(value.into()),
            "--keys" => self.options.keys = Some(value.into()),
            "--lock" => self.options.lock = Some(value.into()),
            "--key" => self.key = Some(value.into()),
            "--listen" => self.options.listen = Some(parsed(option, value)?),
            "--log" => self.options.log_level = Some(parsed(option, value)?),
            "--log-format" => self.options.log_format = Some(parsed(option, value)?),
            "--protocol" => self.protocol = Some(parsed(option, value)?),
            "--tenant" => self.tenant = Some(parsed(option, value)?),
            "--tools" => self.tools.push(parsed(option, value)?),
            "--components" => {
                self.components.push(value.into());
                while let Some(more) = rest.pop_if(|word| is_value(word)) {
                    self.components.push(more.into());
                }
            }
            other => return Err(fail!(Usage, "there is no option `{other}`; `--help` lists what there is")),
        }
        Ok(())
    }
}

fn parsed<T: FromStr<Err: Display>>(option: &str, value: OsString) -> Result<T> {
    let text = value.to_string_lossy().into_owned();
    text.parse().map_err(|error| fail!(Usage, "`{option} {text}` is not understood: {error}"))
}

fn unknown(name: &str) -> Failure {
    let name: String = name.chars().filter(|letter| !letter.is_control()).take(40).collect();
    fail!(
        Usage,
        "there is no command `{name}` in the edge profile: `--help` lists what there is, and the full `tidegate` has the rest"
    )
}
