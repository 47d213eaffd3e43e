//! Which statuses are accepted.

use std::fmt;

use http::StatusCode;
use thiserror::Error;

use crate::model::code::FindingCode;
use crate::model::json::Json;
use crate::model::judgement::Finding;

/// Which statuses are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusRule {
    /// Any.
    Any,
    /// Those in these inclusive ranges.
    In(Vec<(u16, u16)>),
}

/// A text or number that is no status rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a status rule such as 2xx, 204, 200-299 or any")]
pub struct StatusError(String);

/// 2xx.
impl Default for StatusRule {
    fn default() -> Self {
        Self::In(vec![(200, 299)])
    }
}

impl StatusRule {
    /// Reads `2xx`, `204`, `200-299`, `any`, or several of them with commas.
    ///
    /// # Errors
    /// [`StatusError`] with the first part that is none of these.
    pub fn parse(text: &str) -> Result<Self, StatusError> {
        text.split(',').map(Self::parse_one).collect()
    }

    /// Returns the rule of one status.
    ///
    /// # Errors
    /// [`StatusError`] if the number is no status: 100 to 999.
    pub fn from_number(number: i64) -> Result<Self, StatusError> {
        match u16::try_from(number) {
            Ok(status @ 100..=999) => Ok(Self::In(vec![(status, status)])),
            _ => Err(StatusError(number.to_string())),
        }
    }

    fn parse_one(text: &str) -> Result<Self, StatusError> {
        let text = text.trim();
        let wrong = || StatusError(text.to_owned());
        if text.eq_ignore_ascii_case("any") {
            return Ok(Self::Any);
        }
        let number = |text: &str| {
            let text = text.trim();
            let is_number = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
            let status = is_number.then(|| text.parse::<u16>().ok()).flatten();
            status.filter(|status| *status >= 100).ok_or_else(wrong)
        };
        if let Some((hundreds, "xx")) = text.to_ascii_lowercase().split_at_checked(1) {
            let hundreds: u16 = hundreds.parse().map_err(|_| wrong())?;
            if !(1..=9).contains(&hundreds) {
                return Err(wrong());
            }
            return Ok(Self::In(vec![(hundreds * 100, hundreds * 100 + 99)]));
        }
        let (low, high) = match text.split_once('-') {
            Some((low, high)) => (number(low)?, number(high)?),
            None => (number(text)?, number(text)?),
        };
        if low > high {
            return Err(wrong());
        }
        Ok(Self::In(vec![(low, high)]))
    }

    /// Tells whether a status is accepted.
    pub fn accepts(&self, status: u16) -> bool {
        match self {
            Self::Any => true,
            Self::In(ranges) => ranges
                .iter()
                .any(|(low, high)| (*low..=*high).contains(&status)),
        }
    }

    /// Returns the finding of a status that is not accepted.
    pub(super) fn refusal(&self, status: StatusCode) -> Finding {
        let reason = status.canonical_reason().map(|reason| format!(" {reason}"));
        let mut finding = Finding::error(
            FindingCode::Status,
            format!(
                "expected {self}, got {}{}",
                status.as_u16(),
                reason.unwrap_or_default()
            ),
        );
        finding.expected = Some(Json::from(self.to_string()));
        finding.actual = Some(Json::from(i64::from(status.as_u16())));
        finding
    }
}

/// Several rules together accept what any of them accepts.
impl FromIterator<StatusRule> for StatusRule {
    fn from_iter<T: IntoIterator<Item = Self>>(rules: T) -> Self {
        let mut all = Vec::new();
        for rule in rules {
            match rule {
                Self::Any => return Self::Any,
                Self::In(ranges) => all.extend(ranges),
            }
        }
        Self::In(all)
    }
}

/// Writes `2xx`, `200 or 429`, `200, 204 or 400-410`, `any`.
impl fmt::Display for StatusRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::In(ranges) = self else {
            return f.write_str("any");
        };
        for (index, (low, high)) in ranges.iter().enumerate() {
            f.write_str(match index {
                0 => "",
                last if last + 1 == ranges.len() => " or ",
                _ => ", ",
            })?;
            match (low, high) {
                _ if low == high => write!(f, "{low}")?,
                _ if low % 100 == 0 && low + 99 == *high => write!(f, "{}xx", low / 100)?,
                _ => write!(f, "{low}-{high}")?,
            }
        }
        if ranges.is_empty() {
            f.write_str("none")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_rules() {
        for (text, written) in [
            ("2xx", "2xx"),
            ("2XX", "2xx"),
            ("204", "204"),
            ("200-299", "2xx"),
            (" 200 - 204 ", "200-204"),
            ("any", "any"),
            ("200, 429", "200 or 429"),
            ("200,204,4xx", "200, 204 or 4xx"),
            ("200, any", "any"),
            ("999", "999"),
        ] {
            assert_eq!(StatusRule::parse(text).unwrap().to_string(), written);
        }
        for text in [
            "", "2x", "0xx", "axx", "20", "2000", "099", "299-200", "200,", "+20", "éxx",
        ] {
            let error = StatusRule::parse(text).unwrap_err();
            assert!(error.to_string().contains("is not a status rule"), "{text}");
        }
        assert_eq!(StatusRule::from_number(204).unwrap().to_string(), "204");
        assert!(StatusRule::from_number(99).is_err());
        assert!(StatusRule::from_number(70_000).is_err());
    }

    #[test]
    fn accepts_what_lies_in_any_range() {
        let rule = StatusRule::parse("200-204, 404").unwrap();
        for (status, accepted) in [
            (199, false),
            (200, true),
            (204, true),
            (205, false),
            (404, true),
        ] {
            assert_eq!(rule.accepts(status), accepted, "{status}");
        }
        assert!(StatusRule::Any.accepts(599));
        assert!(!StatusRule::default().accepts(304));
    }

    #[test]
    fn says_what_was_expected() {
        let refusal = StatusRule::default().refusal(StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refusal.message, "expected 2xx, got 503 Service Unavailable");
        assert_eq!(&*refusal.code, "status");
        let odd = StatusRule::default().refusal(StatusCode::from_u16(999).unwrap());
        assert_eq!(odd.message, "expected 2xx, got 999");
    }
}
