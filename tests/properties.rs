//! The four image properties: what is a plan, what is unsigned, what is an error, and where the error is.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use common::Walkthrough;
use longhand::{Base64Defect, HashMethod, KeyType, PropertyError, PropertyName, SignatureProperties};
use proptest::prelude::*;

const GOOD: [(&str, &str); 4] = [
    ("img_signature", "QUJDRA=="),
    ("img_signature_hash_method", "SHA-256"),
    ("img_signature_key_type", "RSA-PSS"),
    ("img_signature_certificate_uuid", "cd7cc675-e573-419c-8fff-33a72734a243"),
];

/// The good properties with one of them replaced.
fn with(name: &str, value: &str) -> Result<Option<SignatureProperties>, PropertyError> {
    SignatureProperties::from_properties(
        GOOD.map(|(known, good)| (known, if known == name { value } else { good })),
    )
}

fn signature(text: &str) -> Result<Vec<u8>, PropertyError> {
    with("img_signature", text).map(|properties| properties.unwrap().signature().to_vec())
}

#[test]
fn all_four_make_a_plan_whatever_else_is_there_and_in_whatever_order() {
    let others = [("os_distro", "debian"), ("img_signature2", "x"), ("IMG_SIGNATURE", "y"), ("", "")];
    let pairs = others.into_iter().chain(GOOD.into_iter().rev());
    let properties = SignatureProperties::from_properties(pairs).unwrap().unwrap();
    assert_eq!(properties.signature(), b"ABCD");
    assert_eq!(properties.hash_method(), HashMethod::Sha256);
    assert_eq!(*properties.key_type(), KeyType::RsaPss);
    assert_eq!(properties.certificate_id(), "cd7cc675-e573-419c-8fff-33a72734a243");
}

#[test]
fn none_of_the_four_is_an_unsigned_image() {
    assert_eq!(SignatureProperties::from_properties([("os_distro", "debian")]), Ok(None));
    assert_eq!(SignatureProperties::from_properties([("", ""); 0]), Ok(None));
}

#[test]
fn each_part_of_the_four_is_incomplete_and_says_what_is_missing() {
    for present in 1..15_u8 {
        let is_present = |index: usize| present >> index & 1 == 1;
        let some = GOOD.into_iter().enumerate().filter(|(index, _)| is_present(*index)).map(|(_, pair)| pair);
        let error = SignatureProperties::from_properties(some).unwrap_err();
        let missing: Vec<_> = PropertyName::ALL
            .into_iter()
            .enumerate()
            .filter(|(index, _)| !is_present(*index))
            .map(|(_, name)| name)
            .collect();
        for name in &missing {
            assert!(error.to_string().contains(name.as_str()), "{error}");
        }
        assert_eq!(error, PropertyError::Incomplete { missing });
    }
}

#[test]
fn a_property_given_twice_is_an_error_even_with_one_value() {
    for (index, property) in PropertyName::ALL.into_iter().enumerate() {
        let twice = GOOD.into_iter().chain([GOOD[index]]);
        assert_eq!(
            SignatureProperties::from_properties(twice).unwrap_err(),
            PropertyError::Repeated { property }
        );
    }
}

#[test]
fn an_empty_property_is_an_error_that_names_it() {
    for property in PropertyName::ALL {
        assert_eq!(with(property.as_str(), "").unwrap_err(), PropertyError::Empty { property });
    }
    let property = PropertyName::Signature;
    assert_eq!(signature(" \r\n\t").unwrap_err(), PropertyError::Empty { property });
}

#[test]
fn words_are_exact_and_a_near_miss_is_answered_with_the_right_one() {
    for (property, word, help) in [
        ("img_signature_key_type", "SECP384R1", "ECC_SECP384R1"),
        ("img_signature_key_type", "rsa-pss", "RSA-PSS"),
        ("img_signature_key_type", "RSA-PSS ", "RSA-PSS"),
        ("img_signature_key_type", "ECC_SECP256R1", "ECC_SECT571R1"),
        ("img_signature_hash_method", "SHA256", "SHA-256"),
        ("img_signature_hash_method", "sha-512", "SHA-512"),
        ("img_signature_hash_method", "MD5", "SHA-224, SHA-256"),
    ] {
        let error = with(property, word).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(help) && message.contains(property), "{message}");
    }
}

#[test]
fn base64_comes_as_the_tools_write_it() {
    let octets: Vec<u8> = (0..=255).collect();
    let line = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4\
                OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3Bx\
                cnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmq\
                q6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj\
                5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w==";
    let wrapped = |width: usize, end: &str| {
        let lines = line.as_bytes().chunks(width).map(|chunk| std::str::from_utf8(chunk).unwrap());
        lines.map(|line| format!("{line}{end}")).collect::<String>()
    };
    for text in [line.to_owned(), wrapped(76, "\n"), wrapped(64, "\r\n"), wrapped(1, " \t\x0b\x0c")] {
        assert_eq!(signature(&text).unwrap(), octets);
    }
}

#[test]
fn anything_else_in_base64_is_an_error_that_says_where() {
    use Base64Defect::{DataAfterPadding, OutsideAlphabet, Padding, TrailingBits};
    for (text, position, character, defect) in [
        ("QUJ-RA==", 3, '-', OutsideAlphabet),
        ("QU\nJ_RA==", 4, '_', OutsideAlphabet),
        ("QUJD\0", 4, '\0', OutsideAlphabet),
        ("QUJDé", 4, 'é', OutsideAlphabet),
        ("\"QUJD\"", 0, '"', OutsideAlphabet),
        ("QUJD\\n", 4, '\\', OutsideAlphabet),
        ("QUJD\u{a0}", 4, '\u{a0}', OutsideAlphabet),
        ("QUI=QUJD", 4, 'Q', DataAfterPadding),
        ("QQ=Q", 3, 'Q', DataAfterPadding),
        ("=QUJD", 1, 'Q', DataAfterPadding),
        ("QUJDRA", 5, 'A', Padding),
        ("QUJDRA=", 6, '=', Padding),
        ("QUJDRA===", 6, '=', Padding),
        ("QUJD====", 4, '=', Padding),
        ("QUJDR", 4, 'R', Padding),
        ("====", 0, '=', Padding),
        ("QUJDRB==", 5, 'B', TrailingBits),
        ("QU\nJDREV=\n", 7, 'V', TrailingBits),
    ] {
        let found = signature(text).unwrap_err();
        assert_eq!(
            found,
            PropertyError::Base64 { property: PropertyName::Signature, position, character, defect },
            "{text:?}"
        );
        let says = match defect {
            OutsideAlphabet => "outside the base64 alphabet",
            DataAfterPadding => "follows the padding",
            Padding => "padding is not right",
            TrailingBits => "belong to no octet",
            other => panic!("{other}"),
        };
        assert!(found.to_string().contains(&format!("byte {position} ")), "{found}");
        assert!(found.to_string().contains(says), "{found}");
    }
}

#[test]
fn a_certificate_id_is_any_text_without_control_characters() {
    for id in
        ["x", "https://barbican/v1/secrets/cd7cc675-e573-419c-8fff-33a72734a243", "../../sys/mounts", "ü"]
    {
        let properties = with("img_signature_certificate_uuid", id).unwrap().unwrap();
        assert_eq!(properties.certificate_id(), id);
    }
    for (id, position) in [("a\0", 1), ("ü\n", 2), ("\u{85}", 0)] {
        match with("img_signature_certificate_uuid", id).unwrap_err() {
            PropertyError::CertificateId { position: found, .. } => assert_eq!(found, position),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn every_message_begins_as_cursive_begins_it() {
    for error in [
        with("img_signature", "?").unwrap_err(),
        with("img_signature_key_type", "?").unwrap_err(),
        SignatureProperties::from_properties([GOOD[0]]).unwrap_err(),
    ] {
        assert!(error.to_string().starts_with("Signature verification for the image failed: "), "{error}");
    }
}

#[test]
fn the_walkthroughs_properties_are_read() {
    let properties = Walkthrough::glance().properties();
    assert_eq!(properties.signature().len(), 128);
}

proptest! {
    #[test]
    fn base64_of_any_octets_reads_back_wherever_white_space_falls(
        octets in proptest::collection::vec(any::<u8>(), 1..300),
        spaces in proptest::collection::vec((0_usize..500, prop::sample::select(b" \t\r\n\x0b\x0c".to_vec())), 0..20),
    ) {
        use base64::Engine as _;
        let mut text = base64::engine::general_purpose::STANDARD.encode(&octets);
        for (place, space) in spaces {
            text.insert(place % (text.len() + 1), char::from(space));
        }
        prop_assert_eq!(signature(&text).unwrap(), octets);
    }

    #[test]
    fn no_text_panics_and_what_is_read_is_canonical(text: String, junk in "[A-Za-z0-9+/=\\-_ \n]{0,40}") {
        use base64::Engine as _;
        for text in [text, junk] {
            for (name, _) in GOOD {
                let _ = with(name, &text);
            }
            if let Ok(octets) = signature(&text) {
                let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace() && *c != '\x0b').collect();
                prop_assert_eq!(base64::engine::general_purpose::STANDARD.encode(octets), packed);
            }
        }
    }
}
