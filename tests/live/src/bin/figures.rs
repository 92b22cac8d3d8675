//! Does what `figures.py` asks for, beside Cursive: decides on Nova's walkthrough with fifty trusted ids, or reads one
//! certificate. Its argument says where, in JSON; each line of its input is a question, answered by the seconds it took.

use std::io::BufRead as _;
use std::time::{Duration, Instant};

use longhand::{CertificateCache, KeyManager as _};
use longhand_barbican::{Barbican, Token};
use longhand_http::{BlockingTransport, Client, Tls, TokioTransport};
use longhand_live::{Value, Walkthrough, runtime};

fn main() {
    let setting: Value = serde_json::from_str(&std::env::args().nth(1).expect("an argument")).expect("JSON");
    let text = |name: &str| setting[name].as_str().expect("a text").to_owned();
    let (address, token, signing) = (text("barbican"), text("token"), text("signing"));
    let trusted: Vec<String> = serde_json::from_value(setting["trusted"].clone()).expect("ids");

    let walkthrough = Walkthrough::read();
    let waiting = Client::new(BlockingTransport::new(&Tls::system()));
    let waiting = Barbican::new(waiting, &address, Token::new(token.clone())).expect("an address");
    let awaited = Client::new(TokioTransport::new(&Tls::system()).expect("a transport"));
    let awaited = Barbican::new(awaited, &address, Token::new(token)).expect("an address");
    let cache = CertificateCache::new(64, Duration::from_secs(3600), Instant::now);
    let cached = cache.scope("figures", waiting.clone());

    for question in std::io::stdin().lock().lines() {
        let begun = Instant::now();
        match &*question.expect("a question") {
            "one" => drop(waiting.certificate(&signing).expect("a certificate")),
            "waiting" => drop(walkthrough.begin(&waiting, &signing, &trusted).expect("a decision")),
            "cached" => drop(walkthrough.begin(&cached, &signing, &trusted).expect("a decision")),
            "awaited" => {
                let begin = walkthrough.begin_async(&awaited, &signing, &trusted);
                drop(runtime().block_on(begin).expect("a decision"));
            }
            other => panic!("{other:?} is no question"),
        }
        println!("{}", begun.elapsed().as_secs_f64());
    }
}
