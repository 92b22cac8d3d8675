//! Points in time as certificates write them.

use std::fmt;

use rustls_pki_types::UnixTime;

use crate::asn1::{DerDefect, DerError, Element, GENERALIZED_TIME, Reader, UTC_TIME};

const SECONDS_PER_DAY: i64 = 86_400;

/// A point in time, in whole seconds since 1970-01-01T00:00:00Z; before 1970 it is negative.
///
/// `Display` is RFC 3339, in UTC.
///
/// ```
/// use longhand::Timestamp;
/// assert_eq!(Timestamp::from_unix_seconds(1_700_000_000).to_string(), "2023-11-14T22:13:20Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time this many seconds after the start of 1970.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the start of 1970.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0
    }

    /// Reads the next element as a Time (RFC 5280 section 4.1.2.5): `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
    ///
    /// GeneralizedTime before 2050 is read although CAs must not write it: many do, and it means the same.
    pub(crate) fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DerError> {
        let element = reader.any(field)?;
        let read = match element.tag {
            UTC_TIME => Self::from_utc_time(element.contents),
            GENERALIZED_TIME => Self::from_generalized_time(element.contents),
            _ => return Err(tag_error(&element)),
        };
        read.ok_or_else(|| element.error(DerDefect::Time))
    }

    fn from_utc_time(text: &[u8]) -> Option<Self> {
        let (year, rest) = text.split_at_checked(2)?;
        let year = digits(year)?;
        // RFC 5280 section 4.1.2.5.1: 50 to 99 are in the twentieth century.
        Self::from_parts(if year >= 50 { 1900_i64 } else { 2000 }.checked_add(year)?, rest)
    }

    fn from_generalized_time(text: &[u8]) -> Option<Self> {
        let (year, rest) = text.split_at_checked(4)?;
        Self::from_parts(digits(year)?, rest)
    }

    /// `MMDDHHMMSSZ` in this year.
    fn from_parts(year: i64, rest: &[u8]) -> Option<Self> {
        let (digit_pairs, b"Z") = rest.split_at_checked(10)? else { return None };
        let mut pairs = digit_pairs.chunks(2).map(digits);
        let mut next = || pairs.next().flatten();
        let (month, day, hour, minute, second) = (next()?, next()?, next()?, next()?, next()?);
        let leap = year.checked_rem(4)? == 0 && (year.checked_rem(100)? != 0 || year.checked_rem(400)? == 0);
        let last_day = match month {
            2 => 28_i64.checked_add(i64::from(leap))?,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=last_day).contains(&day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let of_day = hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?.checked_add(second)?;
        days_from_civil(year, month, day)?.checked_mul(SECONDS_PER_DAY)?.checked_add(of_day).map(Self)
    }
}

impl From<UnixTime> for Timestamp {
    fn from(time: UnixTime) -> Self {
        Self(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_day = self.0.rem_euclid(SECONDS_PER_DAY);
        let (year, month, day) = civil_from_days(self.0.div_euclid(SECONDS_PER_DAY));
        let (hour, minute, second) =
            (of_day.div_euclid(3600), of_day.div_euclid(60).rem_euclid(60), of_day.rem_euclid(60));
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

fn tag_error(element: &Element<'_>) -> DerError {
    element.error(DerDefect::Tag { expected: UTC_TIME, found: element.tag })
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0_i64, |number, digit| {
        let value = digit.is_ascii_digit().then(|| digit.wrapping_sub(b'0'))?;
        number.checked_mul(10)?.checked_add(i64::from(value))
    })
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; `None` past i64.
///
/// Counts years from March, so that the leap day ends the year: 153 days make five months.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let from_march = month.checked_add(9)?.checked_rem(12)?;
    let of_year =
        from_march.checked_mul(153)?.checked_add(2)?.checked_div(5)?.checked_add(day)?.checked_sub(1)?;
    let leap_days =
        year.div_euclid(4).checked_sub(year.div_euclid(100))?.checked_add(year.div_euclid(400))?;
    // 719468 days from 0000-03-01 to 1970-01-01.
    year.checked_mul(365)?.checked_add(leap_days)?.checked_add(of_year)?.checked_sub(719_468)
}

/// The inverse of [`days_from_civil`]: year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let leap_days = of_era.div_euclid(1460).saturating_sub(of_era.div_euclid(36_524));
    let leap_days = leap_days.saturating_add(of_era.div_euclid(146_096));
    let year_of_era = of_era.saturating_sub(leap_days).div_euclid(365);
    let before = year_of_era
        .saturating_mul(365)
        .saturating_add(year_of_era.div_euclid(4))
        .saturating_sub(year_of_era.div_euclid(100));
    let of_year = of_era.saturating_sub(before);
    let from_march = of_year.saturating_mul(5).saturating_add(2).div_euclid(153);
    let day = of_year.saturating_sub(from_march.saturating_mul(153).saturating_add(2).div_euclid(5));
    let month = from_march.saturating_add(2).rem_euclid(12).saturating_add(1);
    let year = era.saturating_mul(400).saturating_add(year_of_era).saturating_add(i64::from(month <= 2));
    (year, month, day.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utc(text: &str) -> Option<String> {
        Timestamp::from_utc_time(text.as_bytes()).map(|time| time.to_string())
    }

    fn generalized(text: &str) -> Option<String> {
        Timestamp::from_generalized_time(text.as_bytes()).map(|time| time.to_string())
    }

    #[test]
    fn times_are_read_as_rfc_5280_writes_them() {
        for (text, shown) in [
            ("700101000000Z", "1970-01-01T00:00:00Z"),
            ("500101000000Z", "1950-01-01T00:00:00Z"),
            ("491231235959Z", "2049-12-31T23:59:59Z"),
            ("000229120000Z", "2000-02-29T12:00:00Z"),
        ] {
            assert_eq!(utc(text).as_deref(), Some(shown));
        }
        for (text, shown) in [
            ("99991231235959Z", "9999-12-31T23:59:59Z"),
            ("00000101000000Z", "0000-01-01T00:00:00Z"),
            ("20240229000000Z", "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(generalized(text).as_deref(), Some(shown));
        }
    }

    #[test]
    fn odd_times_are_refused() {
        for text in [
            "",
            "Z",
            "7001010000Z",
            "700101000000",
            "700101000000z",
            "700101000000+0000",
            "701301000000Z",
            "700001000000Z",
            "700132000000Z",
            "700229000000Z",
            "700431000000Z",
            "700101240000Z",
            "700101006000Z",
            "700101000060Z",
            "70010100000aZ",
            "7001 1000000Z",
            "-00101000000Z",
            "700101000000Z0",
        ] {
            assert_eq!(utc(text), None, "{text}");
        }
        for text in ["20240101000000.5Z", "19000229000000Z", "20230229000000Z", "202401010000Z"] {
            assert_eq!(generalized(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reading_inverts_showing(seconds in -62_167_219_200_i64..253_402_300_800) {
            let shown = Timestamp(seconds).to_string();
            let text = shown.replace(['-', ':', 'T'], "");
            prop_assert_eq!(Timestamp::from_generalized_time(text.as_bytes()), Some(Timestamp(seconds)));
        }

        #[test]
        fn showing_never_panics(seconds: i64) {
            let _ = Timestamp(seconds).to_string();
        }
    }
}
