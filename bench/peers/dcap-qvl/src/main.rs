//! `alcove-bench-dcap-qvl CASES.json`: on each line `INDEX TIMES` of stdin, verifies that case so many times, from bytes and with
//! nothing kept, and answers the nanoseconds that it took. `verdicts` answers one line of JSON for each case. The form of
//! CASES.json is that of ../../peer-cases.ts.

use dcap_qvl::verify::QuoteVerifier;
use dcap_qvl::QuoteCollateralV3;
use serde_json::{json, Value};
use std::hint::black_box;
use std::io::{stdin, BufRead, Write};
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

struct Case {
    quote: Vec<u8>,
    collateral: QuoteCollateralV3,
    at: u64,
    verifier: QuoteVerifier,
}

fn main() -> Result<(), Failure> {
    let path = std::env::args().nth(1).ok_or("want the path of the cases")?;
    let text = std::fs::read_to_string(path)?;
    let cases = serde_json::from_str::<Vec<Value>>(&text)?
        .iter()
        .map(read_case)
        .collect::<Result<Vec<_>, _>>()?;
    for line in stdin().lock().lines() {
        let line = line?;
        if line == "verdicts" {
            for case in &cases {
                println!("{}", verdict(case));
            }
        } else {
            let (index, times) = line.split_once(' ').ok_or("want INDEX TIMES")?;
            let case = cases.get(index.parse::<usize>()?).ok_or("no such case")?;
            println!("{}", measure(case, times.parse()?)?);
        }
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn measure(case: &Case, times: u32) -> Result<u128, Failure> {
    let start = Instant::now();
    for _ in 0..times {
        black_box(case.verifier.verify(black_box(&case.quote), &case.collateral, case.at))?;
    }
    Ok(start.elapsed().as_nanos())
}

fn verdict(case: &Case) -> Value {
    match case.verifier.verify(&case.quote, &case.collateral, case.at) {
        Ok(report) => json!({ "status": report.status, "advisories": report.advisory_ids }),
        Err(error) => json!({ "refused": format!("{error:#}") }),
    }
}

fn read_case(case: &Value) -> Result<Case, Failure> {
    let text = |object: &Value, key: &str| -> Result<String, Failure> {
        Ok(object[key].as_str().ok_or(format!("no text {key}"))?.to_owned())
    };
    let bytes = |object: &Value, key: &str| -> Result<Vec<u8>, Failure> {
        Ok(hex::decode(text(object, key)?)?)
    };
    let parts = &case["collateral"];
    Ok(Case {
        quote: bytes(case, "quote")?,
        at: case["at"].as_u64().ok_or("no time")?,
        verifier: match case["root"].as_str() {
            Some(root) => QuoteVerifier::new(hex::decode(root)?),
            None => QuoteVerifier::new_prod(),
        },
        collateral: QuoteCollateralV3 {
            pck_crl_issuer_chain: text(parts, "pck_crl_issuer_chain")?,
            root_ca_crl: bytes(parts, "root_ca_crl")?,
            pck_crl: bytes(parts, "pck_crl")?,
            tcb_info_issuer_chain: text(parts, "tcb_info_issuer_chain")?,
            tcb_info: text(parts, "tcb_info")?,
            tcb_info_signature: bytes(parts, "tcb_info_signature")?,
            qe_identity_issuer_chain: text(parts, "qe_identity_issuer_chain")?,
            qe_identity: text(parts, "qe_identity")?,
            qe_identity_signature: bytes(parts, "qe_identity_signature")?,
            pck_certificate_chain: None,
        },
    })
}
