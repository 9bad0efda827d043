//! The attacks on getting in, as data: what is tried, what must be said, how the command must end. The tests make each and
//! compare; `docs/attacks.md` lists them, and a test holds it to this table.

mod certificates;
mod evidence;
mod files;
mod floors;
mod held;
mod indexes;
mod kinds;
mod locks;
mod models;
mod native;

/// One attack.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The case: of `tests/sigstore/node/forge.cjs`, or of the test that runs the group.
    pub name: &'static str,
    /// What is tried, for people.
    pub attack: &'static str,
    /// What must be said; all of it.
    pub says: &'static [&'static str],
    /// The exit code.
    pub code: i32,
}

/// Rows that one test runs.
#[derive(Debug)]
pub struct Group {
    /// What they have in common, for people.
    pub title: &'static str,
    /// The test.
    pub test: &'static str,
    /// The rows.
    pub rows: &'static [Row],
}

/// An attack that a test of its own makes.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// What is tried, for people.
    pub attack: &'static str,
    /// What becomes of it.
    pub outcome: &'static str,
    /// The test that makes it.
    pub test: &'static str,
}

/// What has tests of its own, by topic.
pub use held::HELD;

/// Refused by signature or policy.
pub const REFUSED: i32 = 3;
/// Not even read.
pub const USAGE: i32 = 2;

/// Every group.
pub const GROUPS: &[Group] = &[
    Group { title: "Identities and certificates", test: IDENTITIES, rows: certificates::ROWS },
    Group { title: "Time and transparency log", test: IDENTITIES, rows: evidence::ROWS },
    Group { title: "Statements and signature files", test: IDENTITIES, rows: files::ROWS },
    Group { title: "Keys and identities in each other's place", test: KINDS, rows: kinds::ROWS },
    Group { title: "Older versions", test: FLOORS, rows: floors::ROWS },
    Group { title: "Indexes", test: INDEXES, rows: indexes::ROWS },
    Group { title: "What differs from the lock", test: LOCKS, rows: locks::ROWS },
    Group { title: "Native code", test: NATIVE, rows: native::ROWS },
    Group { title: "Models", test: MODELS, rows: models::ROWS },
];

/// The test that runs what the forge makes.
pub const IDENTITIES: &str = "no_forged_identity_is_accepted";

/// The test of keys and identities.
pub const KINDS: &str = "keys_and_identities_do_not_stand_for_each_other";
/// The test of version floors.
pub const FLOORS: &str = "nothing_older_comes_back";
/// The test of indexes.
pub const INDEXES: &str = "no_index_that_is_old_or_somebody_elses_is_used";
/// The test of the lock.
pub const LOCKS: &str = "what_differs_from_the_lock_is_refused";

/// The test of native code.
pub const NATIVE: &str = "no_native_code_runs_that_nobody_answers_for";

/// The test of models.
pub const MODELS: &str = "no_model_comes_in_that_nobody_answers_for";

const fn refused(name: &'static str, attack: &'static str, says: &'static [&'static str]) -> Row {
    Row { name, attack, says, code: REFUSED }
}

/// `docs/attacks.md`.
#[must_use]
pub fn document() -> String {
    let rows: usize = GROUPS.iter().map(|group| group.rows.len()).sum();
    let held: usize = HELD.iter().map(|(_, rows)| rows.len()).sum();
    let count = rows + held;
    let mut text = format!(
        "# Attacks\n\nWhat has been tried to get something in that should not get in: {count} attacks, none accepted. {rows} are \
         rows of the table in `tests/attack/src/table`, made anew by the test named with their group; each must be refused with \
         these words and this exit code ([3: refused by signature or policy; 2: not even read](cli.md#exit-codes)). {held} have \
         tests of their own, named with each. Attacks on what runs (loops, bombs, escapes, floods) are tests too; \
         [SECURITY](SECURITY.md) names them.\n\nThis page is made from the table: \
         `BLESS=1 cargo test -p tidegate-attack --test document` writes it.\n"
    );
    for group in GROUPS {
        text.push_str(&format!("\n## {}\n\nTest: `{}`.\n\n", group.title, group.test));
        text.push_str("| attack | refused with | exit |\n|---|---|---|\n");
        for row in group.rows {
            let says: Vec<_> =
                row.says.iter().map(|part| format!("`{}`", part.replace('`', "´").replace('|', "\\|"))).collect();
            text.push_str(&format!("| {} | {} | {} |\n", row.attack, says.join(", "), row.code));
        }
    }
    for (title, rows) in HELD {
        text.push_str(&format!("\n## {title}\n\n| attack | what becomes of it | test |\n|---|---|---|\n"));
        for row in *rows {
            text.push_str(&format!("| {} | {} | `{}` |\n", row.attack, row.outcome, row.test));
        }
    }
    text
}
