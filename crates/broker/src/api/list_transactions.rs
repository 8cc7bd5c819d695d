//! `ListTransactions` (66).

use super::Call;
use crate::error::ErrorCode;
use crate::txn::state::Status;
use crate::wire::message;
use kafka_wire::list_transactions_response::TransactionState;
use kafka_wire::{ListTransactionsRequest, ListTransactionsResponse};

/// State names Kafka knows and this broker never shows.
const OTHER_STATES: [&str; 2] = ["Dead", "PrepareEpochFence"];

pub(crate) async fn answer(
    call: &Call,
    request: ListTransactionsRequest,
) -> ListTransactionsResponse {
    let known = |name: &str| {
        OTHER_STATES.contains(&name) || Status::ALL.iter().any(|status| status.name() == name)
    };
    let pattern = request.transactional_id_pattern.as_deref().filter(|text| !text.is_empty());
    let pattern = match pattern.map(Pattern::parse).transpose() {
        Ok(pattern) => pattern,
        Err(error) => return message!(ListTransactionsResponse { error_code: error.code() }),
    };
    let now_ms = call.node.world.clock.wall_millis();
    let mut states = Vec::new();
    for shared in call.node.transactions.all() {
        let transaction = shared.lock().await;
        let state = transaction.status.name();
        let age_ms = now_ms.saturating_sub(transaction.started_ms);
        let wanted = (request.state_filters.is_empty()
            || request.state_filters.iter().any(|filter| filter.as_str() == state))
            && (request.producer_id_filters.is_empty()
                || request.producer_id_filters.contains(&transaction.producer_id))
            && (request.duration_filter < 0
                || (transaction.started_ms >= 0 && age_ms >= request.duration_filter))
            && pattern.as_ref().is_none_or(|pattern| pattern.matches(&transaction.id));
        if wanted && !transaction.forgotten {
            states.push(message!(TransactionState {
                transactional_id: transaction.id.as_str().into(),
                producer_id: transaction.producer_id,
                transaction_state: state.into(),
            }));
        }
    }
    let unknown = request.state_filters.iter().filter(|filter| !known(filter)).cloned();
    message!(ListTransactionsResponse {
        unknown_state_filters: unknown.collect(),
        transaction_states: states,
    })
}

/// The part of RE2 that transactional id patterns use in practice: literals, `.`, `.*`, `.+`.
struct Pattern(Vec<Piece>);

enum Piece {
    One(char),
    AnyOne,
    AnyMany,
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, ErrorCode> {
        let mut pieces = Vec::new();
        let mut letters = text.trim_start_matches('^').trim_end_matches('$').chars().peekable();
        while let Some(letter) = letters.next() {
            match (letter, letters.peek()) {
                ('.', Some('*')) => {
                    letters.next();
                    pieces.push(Piece::AnyMany);
                }
                ('.', Some('+')) => {
                    letters.next();
                    pieces.extend([Piece::AnyOne, Piece::AnyMany]);
                }
                ('.', _) => pieces.push(Piece::AnyOne),
                ('\\', _) => pieces.extend(letters.next().map(Piece::One)),
                ('[' | ']' | '(' | ')' | '{' | '}' | '|' | '?' | '*' | '+', _) => {
                    return Err(ErrorCode::InvalidRegularExpression);
                }
                (letter, _) => pieces.push(Piece::One(letter)),
            }
        }
        Ok(Self(pieces))
    }

    /// Whether the whole text fits. Linear in text times pieces.
    fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        // Which lengths of the text the pieces so far can take.
        let mut taken = vec![false; text.len() + 1];
        if let Some(none) = taken.first_mut() {
            *none = true;
        }
        for piece in &self.0 {
            let mut next = vec![false; text.len() + 1];
            let mut any = false;
            for at in 0..=text.len() {
                any |= taken.get(at).copied().unwrap_or(false);
                let before = at.checked_sub(1);
                let step = before.and_then(|before| taken.get(before)).copied().unwrap_or(false);
                let letter = before.and_then(|before| text.get(before));
                let fits = match piece {
                    Piece::AnyMany => any,
                    Piece::AnyOne => step,
                    Piece::One(wanted) => step && letter == Some(wanted),
                };
                if let Some(slot) = next.get_mut(at) {
                    *slot = fits;
                }
            }
            taken = next;
        }
        taken.last().copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_pattern_fits_the_whole_id() {
        for (pattern, text, fits) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("my-.*", "my-", true),
            ("my-.+", "my-", false),
            (".*x.*", "axb", true),
            ("a.c", "abc", true),
            ("a\\.c", "abc", false),
        ] {
            let parsed = Pattern::parse(pattern).ok().unwrap();
            assert_eq!(parsed.matches(text), fits, "{pattern} {text}");
        }
        assert!(Pattern::parse("(a|b)").is_err());
    }
}
