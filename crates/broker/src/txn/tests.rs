//! The rules of transactional ids, without files or sockets.

use super::decide::{End, Init, check_owner, decide_end, decide_init};
use super::records::{parse_value, value};
use super::state::{Status, Transaction};
use crate::error::ErrorCode;
use crate::partition::Producer;

fn transaction(status: Status, epoch: i16) -> Transaction {
    let mut transaction = Transaction::new("id", 7, 60_000, 1);
    transaction.epoch = epoch;
    transaction.last_epoch = epoch - 1;
    transaction.status = status;
    transaction
}

const fn producer(id: i64, epoch: i16) -> Producer {
    Producer { id, epoch }
}

/// One line per case: status | epoch sent | commit | bumps | decision. The current epoch is 5.
#[test]
fn an_end_is_begun_repeated_or_refused_by_these_rules() {
    use ErrorCode::{ConcurrentTransactions, InvalidTxnState, ProducerFenced};
    use Status::{CompleteAbort, CompleteCommit, Empty, Ongoing, PrepareCommit};
    for (status, epoch, commit, bumps, expected) in [
        (Ongoing, 5, true, false, End::Begin),
        (Ongoing, 5, false, true, End::Begin),
        (Ongoing, 4, true, false, End::Refuse(ProducerFenced)),
        (Ongoing, 4, true, true, End::Refuse(ProducerFenced)),
        (Ongoing, 6, true, false, End::Refuse(ProducerFenced)),
        (PrepareCommit, 5, true, false, End::Refuse(ConcurrentTransactions)),
        (CompleteCommit, 5, true, false, End::Repeat),
        (CompleteCommit, 5, false, false, End::Refuse(InvalidTxnState)),
        (CompleteCommit, 4, true, true, End::Repeat),
        (CompleteCommit, 5, true, true, End::Refuse(InvalidTxnState)),
        (CompleteAbort, 4, false, true, End::Repeat),
        (CompleteAbort, 4, true, true, End::Refuse(InvalidTxnState)),
        (Empty, 5, true, false, End::Refuse(InvalidTxnState)),
        (Empty, 5, false, true, End::Begin),
    ] {
        let decided = decide_end(&transaction(status, 5), producer(7, epoch), commit, bumps);
        assert_eq!(decided, expected, "{status:?} epoch {epoch} commit {commit} bumps {bumps}");
    }
    let stranger = decide_end(&transaction(Ongoing, 5), producer(8, 5), true, false);
    assert_eq!(stranger, End::Refuse(ErrorCode::InvalidProducerIdMapping));
}

#[test]
fn a_producer_id_is_bumped_repeated_or_refused_by_these_rules() {
    let fenced = Init::Refuse(ErrorCode::ProducerFenced);
    for (status, claimed, expected) in [
        (Status::Empty, None, Init::Bump),
        (Status::Ongoing, None, Init::AbortThenBump),
        (Status::CompleteAbort, Some(producer(7, 5)), Init::Bump),
        (Status::CompleteAbort, Some(producer(7, 4)), Init::Repeat),
        (Status::CompleteAbort, Some(producer(7, 3)), fenced),
        (Status::CompleteAbort, Some(producer(8, 5)), fenced),
        (Status::Ongoing, Some(producer(7, 5)), Init::AbortThenBump),
    ] {
        assert_eq!(decide_init(&transaction(status, 5), claimed), expected, "{claimed:?}");
    }
}

#[test]
fn only_the_owner_of_the_epoch_may_write() {
    let ongoing = transaction(Status::Ongoing, 5);
    assert_eq!(check_owner(&ongoing, producer(7, 5)), Ok(()));
    assert_eq!(check_owner(&ongoing, producer(7, 4)), Err(ErrorCode::ProducerFenced));
    let mapping = Err(ErrorCode::InvalidProducerIdMapping);
    assert_eq!(check_owner(&ongoing, producer(9, 5)), mapping);
}

#[test]
fn a_transaction_is_read_back_as_it_was_written() {
    let mut written = transaction(Status::Empty, 5);
    written.add([("t".to_owned(), 0), ("t".to_owned(), 3), ("u".to_owned(), 1)], 9);
    written.bumps = true;
    written.previous_producer_id = 3;
    let bytes = value(&written);
    let mut back = parse_value("id", &bytes).unwrap();
    back.last_epoch = written.last_epoch;
    assert_eq!(back, written);
    for cut in 0..bytes.len() {
        assert!(parse_value("id", &bytes[..cut]).is_none(), "{cut}");
    }
}
