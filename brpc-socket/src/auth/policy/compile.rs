//! Makes rules of the text of a policy.

use std::collections::HashSet;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use brpc_core::{Grants, Identity};
use brpc_proto::Secret;

use super::error::PolicyMistake;
use super::reader::{Reader, Table, Value};
use super::rules::{Holder, Rules};
use crate::auth::digest::digest;
use crate::auth::token_hash::TokenHash;
use crate::auth::watched::Files;

const IDENTITY: &str = "an `[[identity]]` or more, or `identity = []` for nobody";
const IDENTITY_KEYS: [&str; 9] =
    ["name", "tokens", "certificates", "secrets", "uids", "plug", "call", "observe", "operate"];
const NAME: &str = "a name of 1 to 128 printable characters";
const TOKEN: &str = "the hash of a token, which is `sha256:` and 64 hexadecimal digits";
#[cfg(any(feature = "tls", feature = "tls-ring"))]
const CERTIFICATE: &str = "`san:` and a DNS name or URI, or `sha256:` and 64 hexadecimal digits";
const SECRET: &str = "the file of a secret of 16 to 1,024 bytes";
const KEY: &str = "the id of a key, of 1 to 128 characters of A-Z a-z 0-9 . _ -, not first a dot";
const PLUGINS: &str = "a pattern of names, of 1 to 128 characters of A-Z a-z 0-9 . _ - * ?";
const METHODS: &str = "a pattern of methods, of 1 to 128 characters of A-Z a-z 0-9 . _ - / * ?";

/// The longest name and pattern, in bytes.
const MAX: usize = 128;

/// Checks the text of a policy, whose secrets are in files beside it; these are noted.
pub(super) fn compile(
    text: &str,
    beside: &Path,
    files: &mut Files,
) -> Result<Rules, PolicyMistake> {
    let reader = Reader::new(text);
    let document = reader.parse()?;
    let document = reader.known(0, &document, &["identity"])?;
    let identities = document.require("identity", IDENTITY)?;
    let identities = reader.list(identities, IDENTITY)?;
    let (rules, names) = (Rules::default(), HashSet::new());
    let mut compiler = Compiler { reader, beside, files, rules, names, keys: Vec::new() };
    for identity in identities {
        compiler.add(&reader.table(identity, &IDENTITY_KEYS)?)?;
    }
    Ok(compiler.rules)
}

struct Compiler<'t> {
    reader: Reader<'t>,
    beside: &'t Path,
    /// Those that were read.
    files: &'t mut Files,
    rules: Rules,
    names: HashSet<String>,
    /// The ids of keys, with the identity that has each.
    keys: Vec<(String, String)>,
}

impl<'t> Compiler<'t> {
    fn add(&mut self, table: &Table<'_, 't>) -> Result<(), PolicyMistake> {
        let value = table.require("name", NAME)?;
        let name = self.reader.string(value, NAME)?;
        if name.is_empty() || name.len() > MAX || name.chars().any(char::is_control) {
            return Err(self.reader.mistaken(value, format!("expected {NAME}")));
        }
        if !self.names.insert(name.to_owned()) {
            return Err(self.reader.mistaken(value, "another identity has this name"));
        }
        let grants = self.grants(table)?;
        let holder = Holder { name: name.to_owned(), grants };
        let before = self.rules.holders.len();
        self.tokens(table, &holder)?;
        self.certificates(table, &holder)?;
        self.secrets(table, &holder)?;
        self.uids(table, &holder)?;
        if self.rules.holders.len() == before {
            let message = "nothing proves this identity; expected `tokens`, `certificates`, \
                           `secrets` or `uids`";
            return Err(table.mistake(message));
        }
        Ok(())
    }

    fn grants(&self, table: &Table<'_, 't>) -> Result<Grants, PolicyMistake> {
        let reader = self.reader;
        let value = table.require("plug", "a list of patterns of names")?;
        let plug = self.patterns(value, PLUGINS)?;
        if plug.is_empty() {
            let message = format!("it may take no name at all; expected {PLUGINS}");
            return Err(reader.mistaken(value, message));
        }
        let mut grants = plug.into_iter().fold(Grants::default(), Grants::plug);
        for value in self.values(table, "call", "a list of `plugins` with `methods`")? {
            let call = reader.table(value, &["plugins", "methods"])?;
            let plugins = self.pattern(call.require("plugins", PLUGINS)?, PLUGINS)?;
            let methods = self.pattern(call.require("methods", METHODS)?, METHODS)?;
            grants = grants.call(plugins, methods);
        }
        if let Some(value) = table.get("observe") {
            grants = self.patterns(value, PLUGINS)?.into_iter().fold(grants, Grants::observe);
        }
        match table.get("operate") {
            Some(value) if reader.boolean(value)? => Ok(grants.operate()),
            _ => Ok(grants),
        }
    }

    fn patterns<'r>(
        &self,
        value: &'r Value<'t>,
        rule: &str,
    ) -> Result<Vec<&'r str>, PolicyMistake> {
        let values = self.reader.list(value, "a list of patterns of names")?;
        values.into_iter().map(|value| self.pattern(value, rule)).collect()
    }

    fn pattern<'r>(&self, value: &'r Value<'t>, rule: &str) -> Result<&'r str, PolicyMistake> {
        let pattern = self.reader.string(value, rule)?;
        let is_slash = |byte| byte == b'/' && rule == METHODS;
        let mut bytes = pattern.bytes();
        let is_known = bytes
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-*?".contains(&byte) || is_slash(byte));
        if is_known && (1..=MAX).contains(&pattern.len()) {
            Ok(pattern)
        } else {
            Err(self.reader.mistaken(value, format!("expected {rule}")))
        }
    }

    fn tokens(&mut self, table: &Table<'_, 't>, holder: &Holder) -> Result<(), PolicyMistake> {
        for value in self.values(table, "tokens", "a list of hashes of tokens")? {
            let text = self.reader.string(value, TOKEN)?;
            let hash: TokenHash = text.parse().map_err(|_| {
                let message = format!("expected {TOKEN}, and never a token itself");
                self.reader.mistaken(value, message)
            })?;
            let identity = self.hold(value, digest("token", &[hash.as_bytes()]), holder)?;
            self.rules.tokens.push((hash, identity.by("token")));
        }
        Ok(())
    }

    #[cfg(not(any(feature = "tls", feature = "tls-ring")))]
    fn certificates(&mut self, table: &Table<'_, 't>, _: &Holder) -> Result<(), PolicyMistake> {
        let message = "this hub is built without TLS, so it sees no certificate; expected the \
                       feature `tls` or `tls-ring`";
        match table.get("certificates") {
            Some(value) => Err(self.reader.mistaken(value, message)),
            None => Ok(()),
        }
    }

    #[cfg(any(feature = "tls", feature = "tls-ring"))]
    fn certificates(
        &mut self,
        table: &Table<'_, 't>,
        holder: &Holder,
    ) -> Result<(), PolicyMistake> {
        for value in self.values(table, "certificates", "a list of names or fingerprints")? {
            let text = self.reader.string(value, CERTIFICATE)?;
            let wrong = || self.reader.mistaken(value, format!("expected {CERTIFICATE}"));
            if let Some(name) = text.strip_prefix("san:").filter(|name| !name.is_empty()) {
                // As they are compared.
                let same = name.to_ascii_lowercase();
                let digest = digest("certificate's name", &[same.as_bytes()]);
                let identity = self.hold(value, digest, holder)?;
                let certificates = std::mem::take(&mut self.rules.certificates);
                self.rules.certificates = certificates.san(name, identity);
            } else {
                let fingerprint: TokenHash = text.parse().map_err(|_| wrong())?;
                let fingerprint = *fingerprint.as_bytes();
                let identity = self.hold(value, digest("certificate", &[&fingerprint]), holder)?;
                let certificates = std::mem::take(&mut self.rules.certificates);
                self.rules.certificates = certificates.fingerprint(fingerprint, identity);
            }
        }
        Ok(())
    }

    fn secrets(&mut self, table: &Table<'_, 't>, holder: &Holder) -> Result<(), PolicyMistake> {
        for value in self.values(table, "secrets", "a list of `id` with `file`")? {
            let secret = self.reader.table(value, &["id", "file"])?;
            let id_value = secret.require("id", KEY)?;
            let id = self.reader.string(id_value, KEY)?;
            if !brpc_core::name::is_plugin_name(id) {
                return Err(self.reader.mistaken(id_value, format!("expected {KEY}")));
            }
            if self.keys.iter().any(|(known, name)| known == id && *name != holder.name) {
                let message = "another identity has this key";
                return Err(self.reader.mistaken(id_value, message));
            }
            let file = secret.require("file", SECRET)?;
            let path = self.beside.join(self.reader.string(file, SECRET)?);
            self.files.note(&path);
            let bytes = read(&path).map_err(|error| {
                let message = format!("can't read this file: {error}; expected {SECRET}");
                self.reader.mistaken(file, message)
            })?;
            let digest = digest("secret", &[id.as_bytes(), &bytes]);
            let secret = Secret::new(bytes).map_err(|error| {
                self.reader.mistaken(file, format!("{error}; expected {SECRET}"))
            })?;
            let identity = self.hold(value, digest, holder)?;
            self.keys.push((id.to_owned(), holder.name.clone()));
            let secrets = std::mem::take(&mut self.rules.secrets);
            self.rules.secrets = secrets.add(id, secret, identity);
        }
        Ok(())
    }

    fn uids(&mut self, table: &Table<'_, 't>, holder: &Holder) -> Result<(), PolicyMistake> {
        for value in self.values(table, "uids", "a list of the numbers of users")? {
            let uid = self.reader.uid(value)?;
            let identity = self.hold(value, digest("uid", &[&uid.to_be_bytes()]), holder)?;
            let users = std::mem::take(&mut self.rules.users);
            self.rules.users = users.user(uid, identity);
        }
        Ok(())
    }

    /// The values of a list that may be missing.
    fn values<'r>(
        &self,
        table: &Table<'r, 't>,
        key: &str,
        expected: &str,
    ) -> Result<Vec<&'r Value<'t>>, PolicyMistake> {
        table.get(key).map_or(Ok(Vec::new()), |value| self.reader.list(value, expected))
    }

    /// Notes whom a credential proves; returns that identity.
    fn hold(
        &mut self,
        value: &Value<'_>,
        digest: [u8; 32],
        holder: &Holder,
    ) -> Result<Identity, PolicyMistake> {
        match self.rules.holders.entry(digest) {
            Entry::Occupied(other) => {
                let message = format!(
                    "the identity `{}` has this credential; expected each once",
                    other.get().name
                );
                Err(self.reader.mistaken(value, message))
            }
            Entry::Vacant(entry) => {
                let Holder { name, grants } = entry.insert(holder.clone());
                Ok(Identity::new(name.clone()).grants(grants.clone()).credential(digest))
            }
        }
    }
}

/// The bytes of a secret, or one more than the most that it may have with the end of its line.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(Secret::MAX as u64 + 3).read_to_end(&mut bytes)?;
    Ok(bytes)
}
