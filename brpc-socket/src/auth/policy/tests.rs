use std::path::Path;

use super::compile::compile;
use super::{Policy, PolicyError, PolicyMistake};
use crate::auth::watched::Files;

const HASH: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// Nothing quotes what stands in the place of a credential.
const CANARY: &str = "canary";

fn mistake(text: &str) -> PolicyMistake {
    let mistake = compile(text, Path::new("/nowhere"), &mut Files::default()).expect_err(text);
    let told = format!("{mistake} {mistake:?}");
    assert!(!told.contains(CANARY), "{told}");
    mistake
}

/// Where the mistake is, and the words that its message has.
#[track_caller]
fn fails(text: &str, line: usize, column: usize, words: &str) {
    let mistake = mistake(text);
    assert_eq!((mistake.line, mistake.column), (line, column), "{mistake}\n{text}");
    assert!(mistake.message.contains(words), "{mistake}\n{text}");
}

/// An identity with more lines in its table.
fn with(lines: &str) -> String {
    format!("[[identity]]\nname = \"a\"\nplug = [\"a\"]\n{lines}\n")
}

#[test]
fn what_is_no_policy_is_told_with_its_place() {
    fails("", 1, 1, "`identity` is missing; expected an `[[identity]]` or more");
    assert!(
        compile("identity = []", Path::new(""), &mut Files::default()).unwrap().holders.is_empty(),
        "nobody is let in"
    );
    fails("[identity]\nname = \"canary\"", 1, 1, "expected an `[[identity]]` or more");
    fails("identity = [3]", 1, 13, "expected a table, found a number");
    fails("[[identity]]\nname = canary", 2, 8, "this is no TOML");
    fails("[[identity]]\nname = \"canary", 2, 15, "this is no TOML");
    fails("[[identity]]\nname = \"a\"\nname = \"canary\"", 3, 1, "duplicate key");
    let more = format!("{}\n[[identities]]\nname = \"b\"", with(&format!("tokens = [\"{HASH}\"]")));
    fails(&more, 6, 3, "an unknown key; expected `identity`");
}

#[test]
fn each_value_of_an_identity_is_checked() {
    fails("[[identity]]\nplug = [\"a\"]", 1, 1, "`name` is missing; expected a name");
    fails("[[identity]]\nname = \"\"", 2, 8, "expected a name of 1 to 128 printable");
    fails("[[identity]]\nname = \"a\\nb\"", 2, 8, "printable");
    fails(&format!("[[identity]]\nname = \"{}\"", "a".repeat(129)), 2, 8, "1 to 128");
    fails("[[identity]]\nname = 7", 2, 8, "found a number");
    fails("[[identity]]\nname = \"a\"", 1, 1, "`plug` is missing");
    fails("[[identity]]\nname = \"a\"\nplug = []", 3, 8, "it may take no name at all");
    fails("[[identity]]\nname = \"a\"\nplug = \"a\"", 3, 8, "expected a list of patterns");
    for bad in ["", "edge-[0-9]", "a,b", "a b", "a/b", "ä", &"a".repeat(129)] {
        let text = format!("[[identity]]\nname = \"a\"\nplug = [\"a*\", \"{bad}\"]");
        fails(&text, 3, 15, "expected a pattern of names, of 1 to 128 characters of");
    }
    fails(&with("  canary = 1"), 4, 3, "an unknown key; expected `name`, `tokens`, ");
    fails(&with(""), 1, 1, "nothing proves this identity; expected `tokens`");
    fails(&with("tokens = []"), 1, 1, "nothing proves this identity");
    fails(&with("observe = [\"\"]"), 4, 12, "a pattern of names");
    fails(&with("operate = \"yes\""), 4, 11, "expected `true` or `false`, found a text");
    fails(&with("call = [{ plugins = \"a\" }]"), 4, 9, "`methods` is missing; expected a pattern");
    fails(&with("call = [{ plugins = \"a\", methods = \"\" }]"), 4, 36, "a pattern of methods");
    fails(&with("call = [{ plugins = \"a/b\", methods = \"c\" }]"), 4, 21, "a pattern of names");
    fails(&with("call = [\"a\"]"), 4, 9, "expected a table, found a text");
}

#[test]
fn each_credential_is_checked() {
    fails(&with("tokens = \"canary\""), 4, 10, "expected a list of hashes of tokens");
    fails(&with("tokens = [\n  \"canary\",\n]"), 5, 3, "and never a token itself");
    fails(&with(&format!("tokens = [\"{HASH}0\"]")), 4, 11, "64 hexadecimal digits");
    fails(&with("uids = [\"canary\"]"), 4, 9, "expected the number of a user");
    fails(&with("uids = [0, -1]"), 4, 12, "0 to 4294967295");
    fails(&with("uids = [4294967296]"), 4, 9, "0 to 4294967295");
    fails(&with("uids = [1.0]"), 4, 9, "found a number");
    fails(&with("secrets = [{ file = \"canary\" }]"), 4, 12, "`id` is missing");
    fails(&with("secrets = [{ id = \"k\" }]"), 4, 12, "`file` is missing");
    fails(&with("secrets = [{ id = \"a b\", file = \"\" }]"), 4, 19, "expected the id of a key");
    let missing = with("secrets = [{ id = \"k\", file = \"canary\" }]");
    fails(&missing, 4, 31, "can't read this file: ");
}

#[cfg(any(feature = "tls", feature = "tls-ring"))]
#[test]
fn each_certificate_is_checked() {
    fails(&with("certificates = \"canary\""), 4, 16, "expected a list of names or fingerprints");
    for bad in ["canary", "san:", "sha256:canary", ""] {
        fails(&with(&format!("certificates = [\"{bad}\"]")), 4, 17, "`san:` and a DNS name");
    }
    let twice = with("certificates = [\"san:runner.example\", \"san:Runner.example\"]");
    fails(&twice, 4, 39, "has this credential");
}

#[test]
fn a_credential_proves_one_identity() {
    let two =
        |both: &str| format!("{}[[identity]]\nname = \"b\"\nplug = [\"b\"]\n{both}", with(both));
    fails(&two(&format!("tokens = [\"{HASH}\"]")), 8, 11, "the identity `a` has this credential");
    fails(&two("uids = [7]"), 8, 9, "the identity `a` has this credential");
    fails(&with("uids = [7, 0x7]"), 4, 12, "the identity `a` has this credential");
    let twice = two("uids = [7]").replace("name = \"b\"", "name = \"a\"");
    fails(&twice, 6, 8, "another identity has this name");
}

/// While a secret is replaced, one identity has both.
#[test]
fn a_key_is_of_one_identity() {
    let here = std::env::temp_dir().join(format!("brpc-keys-{}", std::process::id()));
    std::fs::create_dir_all(&here).unwrap();
    for (file, secret) in [("old", "the secret that was"), ("new", "the secret to come")] {
        std::fs::write(here.join(file), secret).unwrap();
    }
    let key = |file| format!("{{ id = \"k\", file = \"{file}\" }}");
    let both = with(&format!("secrets = [{}, {}]", key("old"), key("new")));
    assert!(compile(&both, &here, &mut Files::default()).is_ok());
    let two = [
        with(&format!("secrets = [{}]", key("old"))),
        with(&format!("secrets = [{}]", key("new"))),
    ];
    let two = two.concat().replacen("name = \"a\"", "name = \"b\"", 1);
    let mistake = compile(&two, &here, &mut Files::default()).unwrap_err();
    assert_eq!((mistake.line, mistake.column), (8, 19), "{mistake}");
    assert!(mistake.message.contains("another identity has this key"), "{mistake}");
    std::fs::remove_dir_all(&here).unwrap();
}

/// The hash of a token and the fingerprint of a certificate are written alike, and are different things.
#[cfg(any(feature = "tls", feature = "tls-ring"))]
#[test]
fn credentials_of_two_kinds_are_never_the_same() {
    let token = with(&format!("tokens = [\"{HASH}\"]"));
    let certificate = with(&format!("certificates = [\"{HASH}\"]"));
    let certificate = certificate.replace("name = \"a\"", "name = \"b\"");
    assert!(
        compile(&[token, certificate].concat(), Path::new("/nowhere"), &mut Files::default())
            .is_ok()
    );
}

#[test]
fn columns_are_characters() {
    let text = "[[identity]]\r\nname = \"ä\"\r\nplug = [\"a\"]\r\nuids = [\t7, \"ä\"]";
    fails(text, 4, 13, "expected the number of a user");
    fails("identity = [{ name = \"äöü\", plug = 1 }]", 1, 36, "expected a list");
}

#[test]
fn errors_name_the_file() {
    let missing = Policy::load("/nowhere/policy.toml").unwrap_err();
    assert_eq!(missing.to_string(), "can't read the policy in /nowhere/policy.toml");
    let mistake = PolicyMistake::at("a\nb", 2, "expected c");
    let invalid = PolicyError::Invalid { path: "policy.toml".into(), mistake };
    assert_eq!(invalid.to_string(), "policy.toml: line 2, column 1: expected c");
}
