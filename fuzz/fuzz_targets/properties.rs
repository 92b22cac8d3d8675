//! Properties from any pairs: what reads is canonical, in any order; what does not read is told on one safe line.
//!
//! An input is pairs with 1E between them and 1F between name and value.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use longhand::{ErrorCode, PropertyError, PropertyName, SignatureProperties};

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let pairs: Vec<(&str, &str)> =
        text.split('\x1e').map(|pair| pair.split_once('\x1f').unwrap_or((pair, ""))).collect();
    let values = |property: PropertyName| pairs.iter().filter(move |(name, _)| *name == property.as_str());
    match SignatureProperties::from_properties(pairs.iter().copied()) {
        Ok(None) => assert!(PropertyName::ALL.iter().all(|&property| values(property).count() == 0)),
        Ok(Some(read)) => {
            let value = |property| {
                let mut all = values(property).map(|(_, value)| *value);
                let value = all.next().expect("all four are there");
                assert_eq!(all.next(), None, "once");
                value
            };
            let signature: String =
                value(PropertyName::Signature).chars().filter(|c| !matches!(c, '\t'..='\r' | ' ')).collect();
            let encoded = STANDARD.encode(read.signature());
            assert_eq!(encoded, signature);
            assert!(!read.signature().is_empty());
            assert_eq!(read.hash_method().as_str(), value(PropertyName::HashMethod));
            assert_eq!(read.key_type().as_str(), value(PropertyName::KeyType));
            assert_eq!(read.certificate_id(), value(PropertyName::CertificateUuid));
            assert!(!read.certificate_id().chars().any(char::is_control));
            let canonical = [
                (PropertyName::Signature, encoded.as_str()),
                (PropertyName::HashMethod, read.hash_method().as_str()),
                (PropertyName::KeyType, read.key_type().as_str()),
                (PropertyName::CertificateUuid, read.certificate_id()),
            ];
            let again =
                SignatureProperties::from_properties(canonical.map(|(name, value)| (name.as_str(), value)));
            assert_eq!(again.as_ref(), Ok(&Some(read.clone())));
            let reversed = SignatureProperties::from_properties(pairs.iter().rev().copied());
            assert_eq!(reversed, Ok(Some(read)));
        }
        Err(error) => {
            if let PropertyError::Incomplete { missing } = &error {
                for property in PropertyName::ALL {
                    assert_eq!(missing.contains(&property), values(property).count() == 0);
                }
            }
            assert_eq!(ErrorCode::from_number(error.code().number()), Some(error.code()));
            let message = error.to_string();
            assert!(message.starts_with("Signature verification for the image failed: "));
            assert!(message.chars().count() < 1024 && !message.chars().any(char::is_control), "{message:?}");
            let _ = format!("{error:?}");
        }
    }
});
