//! Attacks that have tests of their own: registries, the way from bytes to native code, names.

use super::Held;

/// By topic.
pub const HELD: &[(&str, &[Held])] = &[
    ("Registries that lie", REGISTRIES),
    ("Redirects, tokens and connections", CONNECTIONS),
    ("Our registry", OURS),
    ("Web servers with a mirror", WEB),
    ("From bytes to native code", LOAD),
    ("Names and updates", NAMES),
    ("Models that are there", MODELS),
];

const fn held(attack: &'static str, outcome: &'static str, test: &'static str) -> Held {
    Held { attack, outcome, test }
}

const BYTES: &str = "other_bytes_and_other_lengths_are_refused";
const DIGEST: &str = "a_digest_means_these_bytes_whatever_the_registry_says";
const LAYER: &str = "only_one_plain_layer_is_a_component";
const SIGNATURES: &str = "withheld_flooded_and_exchanged_signatures_do_not_help";
const FALLBACK: &str = "a_fallback_tag_that_somebody_wrote_over_does_not_help";
const OLDER: &str = "an_older_version_and_another_component_are_not_what_was_asked_for";
const REDIRECTS: &str = "redirects_lead_neither_inside_nor_round_and_take_no_secret_along";
const BLOBS: &str = "a_blob_belongs_to_its_repository";
const RELEASED: &str = "a_released_version_does_not_move";
const WEB_CHECKED: &str = "what_a_web_server_has_is_checked_as_everything_is";
const SWAPPED: &str = "a_file_that_is_swapped_while_it_is_added_gives_what_was_signed_or_nothing";
const LINKS: &str = "links_are_followed_where_a_person_named_them_only";
const STORE: &str = "what_was_changed_on_the_disk_is_damaged_and_hides_no_other";
const UPDATES: &str = "an_update_comes_from_whoever_signed_what_is_installed";

const REGISTRIES: &[Held] = &[
    held("another byte in the component", "refused", BYTES),
    held("a component longer than its manifest says", "refused", BYTES),
    held("a component shorter than its manifest says", "refused", BYTES),
    held("another config", "refused", BYTES),
    held("a manifest without end", "refused at 4 MiB", BYTES),
    held("a component that is announced with 300 MiB", "refused before it is fetched", BYTES),
    held("other bytes for a digest, with a header that says otherwise", "refused", DIGEST),
    held(
        "a tag that moves between resolving and pulling",
        "asked once, what it meant then is taken",
        "a_tag_that_moves_on_the_way_leads_nowhere_else",
    ),
    held("an older version for a newer tag", "refused", OLDER),
    held("another component of the same signer", "refused", OLDER),
    held("two layers", "refused", LAYER),
    held("a compressed layer", "refused", LAYER),
    held("a bomb: a body with `Content-Encoding: gzip`", "refused unread", LAYER),
    held("a container image", "refused", LAYER),
    held("a digest by another hash", "refused", LAYER),
    held("a config about another component", "refused", LAYER),
    held("signatures withheld", "refused: no signature", SIGNATURES),
    held("no list of signatures", "refused: no signature", SIGNATURES),
    held("100,000 signatures in one list", "refused at 4 MiB", SIGNATURES),
    held("pages of signatures without end", "ten pages, then refused", SIGNATURES),
    held("a fallback tag overwritten with another component's signature", "not looked at", FALLBACK),
    held("another component's signature, its subject left away", "refused", FALLBACK),
    held("a good component by somebody unknown", "refused", "who_signed_counts_and_not_who_serves"),
    held(
        "control characters in an error",
        "not shown to the terminal",
        "what_a_registry_says_cannot_paint_the_terminal",
    ),
    held("names and tags that are paths", "not even asked for", "names_are_no_paths"),
];

const CONNECTIONS: &[Held] = &[
    held("a redirect to the address where clouds keep credentials", "refused", REDIRECTS),
    held("a redirect to a link-local address", "refused", REDIRECTS),
    held("a redirect to a file", "refused", REDIRECTS),
    held("a redirect with a user name", "refused", REDIRECTS),
    held("a redirect in circles", "refused after five", REDIRECTS),
    held("a redirect that wants the password", "followed without it", REDIRECTS),
    held("a token server inside", "gets nothing", "a_token_server_inside_gets_no_password"),
    held("a redirect from TLS to plain HTTP", "refused", "tls_is_not_left_on_the_way"),
    held("plain HTTP to another machine", "refused", "plain_http_beyond_this_machine_must_be_permitted"),
];

const OURS: &[Held] = &[
    held("reading another namespace's blob by its digest", "404", BLOBS),
    held("mounting another namespace's blob", "an ordinary upload begins", BLOBS),
    held("naming another namespace's blob in a manifest", "400", BLOBS),
    held("going on with another namespace's upload", "404", BLOBS),
    held("moving a released version", "403", RELEASED),
    held("deleting a released version and pushing another", "403", RELEASED),
    held("asking without a token", "401, also for what is not there", "without_a_token_nothing_is_told"),
    held("pushing with a token to pull", "403", "permissions_end_where_they_end"),
    held("bytes that are not those of the digest", "400", "wrong_bytes_are_not_kept"),
    held("more than the quota", "403", "quotas_and_sizes_are_bounds"),
];

const WEB: &[Held] = &[
    held("another byte in the component", "refused", WEB_CHECKED),
    held("a longer component", "refused", WEB_CHECKED),
    held("a shorter component", "refused", WEB_CHECKED),
    held("300 MiB of component", "refused at its length", WEB_CHECKED),
    held("another manifest", "refused", WEB_CHECKED),
    held("a file that is missing", "refused", WEB_CHECKED),
    held("a redirect inwards", "refused", "a_web_server_leads_nowhere_else"),
    held("a changed file on a stick", "refused", "a_mirror_serves_without_a_network_in_both_directions"),
];

const LOAD: &[Held] = &[
    held("a file that is swapped between verifying and compiling", "what was verified is compiled", SWAPPED),
    held("other bytes for the compile child than the digest says", "refused", "another_digest_is_refused"),
    held("a link among the files of a components directory", "refused by name", LINKS),
    held(
        "a pipe or a device in place of a component",
        "refused without waiting",
        "pipes_and_devices_are_refused_without_waiting",
    ),
    held("an installed component changed on the disk", "refused as damaged", STORE),
    held("a link where the store keeps a component", "removed, not followed", "what_is_in_the_way_goes"),
    held("changed native code in the cache", "compiled again", "a_changed_entry_is_compiled_again"),
    held(
        "native code of another component under this one's name",
        "compiled again",
        "an_entry_of_another_component_is_not_believed",
    ),
    held("native code that another host compiled", "compiled again", "an_entry_of_another_host_is_not_believed"),
    held("a link in the cache", "not followed", "a_link_is_not_followed"),
    held(
        "native code written over in its files while it runs",
        "what was verified goes on, and the next start refuses the rest",
        "code_that_runs_is_what_was_verified_whatever_is_written_over_its_files",
    ),
    held("native code in place of a component", "refused", "native_code_is_no_component"),
    held("a receipt of another host", "refused", "other_hosts_other_bytes_and_other_names_do_not"),
];

const NAMES: &[Held] = &[
    held("the same name by another signer in another registry, with a higher version", "passed over", UPDATES),
    held(
        "the same name by a stranger in another registry",
        "passed over",
        "newer_versions_are_found_in_a_registry_and_only_those_that_are_believed",
    ),
    held(
        "an update that wants more than was approved",
        "shown, and nothing changes",
        "a_person_reads_the_difference_and_approves_it",
    ),
];

const MODELS: &[Held] = &[
    held(
        "a model's file changed on the disk after it was added",
        "refused when it is opened",
        "what_is_kept_is_verified_again_and_changed_files_are_not_read",
    ),
    held(
        "a model's file changed after it was opened and verified",
        "the read fails: each is compared with what was verified",
        "a_file_that_changes_after_it_was_opened_gives_nothing",
    ),
    held(
        "the model of another component, by its name",
        "looks as if it were not there",
        "only_granted_models_are_there",
    ),
    held("a path in place of a model's name", "looks as if it were not there", "only_granted_models_are_there"),
    held(
        "a model larger than models may be here",
        "refused before it is loaded; others stay",
        "what_was_not_used_for_longest_goes_when_another_needs_the_room",
    ),
    held(
        "a request that does not stop when its caller has gone",
        "its instance is dropped, the next request loads again",
        "who_goes_away_cancels_and_who_stops_in_time_keeps_the_model",
    ),
];
