//! Credentials that sing if they are seen anywhere.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};

use brpc::Socket;
use brpc::auth::{
    AnyOf, Attempt, Authenticator, Denial, Identity, Secret, Secrets, Token, TokenHash, Tokens,
    UnixUsers, async_trait,
};

use super::proofs;
use super::{Refused, hello, refused};
use crate::support::peer::{Hello, Peer, kind};
use crate::support::traced::{all, trace};

const TOKEN: &str = "canary-token-that-sings-aloud";
const WRONG: &str = "canary-wrong-that-sings-aloud";
const SECRET: &str = "canary-secret-that-sings-aloud";

/// Shows whatever it is asked, as a careless one would.
struct Careless(AnyOf);

#[async_trait]
impl Authenticator for Careless {
    async fn authenticate(&self, attempt: &Attempt) -> Result<Identity, Denial> {
        let proof = attempt.prove().await;
        let decided = self.0.authenticate(attempt).await;
        tracing::trace!(target: "brpc::test", ?attempt, token = ?attempt.token(), ?proof, ?decided);
        decided
    }

    fn holds(&self, identity: &Identity) -> bool {
        tracing::trace!(target: "brpc::test", ?identity, "asked");
        self.0.holds(identity)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// In which a text could be shown.
fn forms(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let hex = hex(bytes);
    // A part of the list of its bytes.
    let list = format!("{:?}", &bytes[7..14]);
    let list = list.trim_matches(['[', ']']).to_owned();
    vec![text[7..].to_owned(), hex.to_uppercase(), hex[20..].to_owned(), list]
}

/// All is traced, at each level; all public values are shown as well.
#[tokio::test(start_paused = true)]
async fn a19_no_credential_is_shown_anywhere() {
    trace();
    let seen = RefCell::new(String::new());
    let show = |value: &dyn Debug| writeln!(seen.borrow_mut(), "{value:?} {value:#?}").unwrap();

    let token = Token::new(TOKEN).unwrap();
    let hash = TokenHash::of(&token);
    let secret = || Secret::new(SECRET).unwrap();
    let identity = || Identity::new("edge").plug("*");
    let tokens = Tokens::text(TOKEN).unwrap().identity(identity());
    let secrets = Secrets::new().add("key", secret(), identity());
    show(&(&token, &hash, secret(), &tokens, &secrets, UnixUsers::new()));
    show(&Tokens::text("canary-short").unwrap_err());
    show(&Tokens::text(&format!("{TOKEN} sha256:{SECRET}")).unwrap_err());
    let any = AnyOf::new().or(tokens).or(secrets);
    show(&any);
    let builder = Socket::builder().authenticator(Careless(any));
    show(&builder);
    let hub = builder.build();
    let mut events = hub.events();

    let mut told: Vec<Refused> = Vec::new();
    told.push(refused(&hub, &hello("edge", WRONG)).await);
    told.push(proofs::denied_with(&hub, SECRET.as_bytes(), WRONG.as_bytes()).await);
    let edge = Peer::plugged_as(&hub, &hello("edge", TOKEN)).await;
    let both = Hello {
        extensions: [(4, WRONG.as_bytes().to_vec()), proofs::offer("key", 1)].to_vec(),
        ..Hello::new("both")
    };
    let mut proving = Peer::dial(&hub);
    proving.say_hello(&both).await;
    proving.hear_preface().await;
    let challenge = proving.expect(kind::CHALLENGE).await.body;
    let proof = proofs::proof(SECRET.as_bytes(), &challenge, 1, &both);
    proving.send_frame(kind::PROOF, &proof).await;
    proving.expect(kind::ACCEPTED).await;
    // A breach of the protocol, in whose middle a token is.
    let mut broken = Peer::dial(&hub);
    let twice = vec![(4, TOKEN.as_bytes().to_vec()), (4, TOKEN.as_bytes().to_vec())];
    broken.say_hello(&Hello { extensions: twice, ..Hello::new("broken") }).await;
    broken.rest().await;
    for plugin in hub.connected() {
        show(&(&plugin, plugin.identity(), hub.plugin_info(plugin.name())));
        let json = serde_json::to_string(&hub.plugin_info(plugin.name())).unwrap();
        *seen.borrow_mut() += &json;
    }
    show(&(&hub, hub.presence(), hub.refusals(), &told));
    drop(edge);
    show(&events.next().await);
    show(&events.next().await);
    hub.shutdown().await;

    let log = all();
    assert!(log.iter().any(|line| line.contains("Attempt")), "the log is there");
    let shown = seen.into_inner() + &log.join("\n");
    let mut secrets = vec![hash.to_string()[7..].to_owned(), hex(&proof)];
    secrets.extend([TOKEN, WRONG, SECRET].into_iter().flat_map(forms));
    for secret in secrets {
        assert!(!shown.contains(&secret), "{secret} is shown");
    }
}
