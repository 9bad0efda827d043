#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use redb::{
    Database, Durability, ReadableDatabase as _, ReadableTableMetadata as _, TableDefinition, TableHandle as _,
};

use super::*;

const NUMBERS: TableDefinition<'_, u64, u64> = TableDefinition::new("numbers");

/// Keeps numbers, but none above 100: then the whole batch fails, as when a disk is full.
struct Numbers;

impl Changes for Numbers {
    type Change = u64;
    type Outcome = Result<u64, String>;

    const NAME: &'static str = "numbers";
    const QUEUE: usize = 4;
    const BATCH: usize = 8;
    const BATCH_BYTES: usize = 64;

    fn bytes(_: &u64) -> usize {
        8
    }

    fn commit(database: &Database, changes: &[u64]) -> Result<Vec<Self::Outcome>, redb::Error> {
        let mut transaction = database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        for change in changes {
            if *change > 100 {
                return Err(redb::Error::Corrupted("no room".to_owned()));
            }
            transaction.open_table(NUMBERS)?.insert(change, change)?;
        }
        transaction.commit()?;
        Ok(changes.iter().map(|change| Ok(change * 2)).collect())
    }

    fn failed(error: &str) -> Self::Outcome {
        Err(error.to_owned())
    }
}

fn create(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(NUMBERS)?;
    Ok(transaction.commit()?)
}

#[tokio::test]
async fn every_change_has_its_own_outcome_and_is_there_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers.redb");
    let writer = Writer::<Numbers>::start(Arc::new(open(&path, "empty", create).unwrap())).unwrap();
    let asked: Vec<_> = (0..50).map(|number| writer.change(number)).collect();
    for (number, outcome) in futures_in_order(asked).await.into_iter().enumerate() {
        assert_eq!(outcome.unwrap().unwrap(), number as u64 * 2);
    }
    assert!(writer.change(101).await.unwrap().unwrap_err().contains("no room"));
    drop(writer);
    let database = open(&path, "empty", |_| Ok(())).unwrap();
    assert_eq!(database.begin_read().unwrap().open_table(NUMBERS).unwrap().len().unwrap(), 50);
}

/// All at once, so that batches form.
async fn futures_in_order<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, output) in &mut futures {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(ready) => *output = Some(ready),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    futures.into_iter().map(|(_, output)| output.unwrap()).collect()
}

#[test]
fn tables_are_found_without_writing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers.redb");
    let database = open(&path, "empty", |_| Ok(())).unwrap();
    assert!(!has_tables(&database, &[NUMBERS.name()]).unwrap());
    create(&database).unwrap();
    assert!(has_tables(&database, &[NUMBERS.name()]).unwrap());
    assert!(!has_tables(&database, &[NUMBERS.name(), "others"]).unwrap());
}

#[test]
fn a_file_in_use_a_damaged_one_and_a_missing_folder_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers.redb");
    let first = open(&path, "empty", create).unwrap();
    assert!(matches!(open(&path, "empty", create), Err(OpenError::InUse(_))));
    drop(first);
    std::fs::write(&path, "no database").unwrap();
    let damaged = open(&path, "with nothing", create).unwrap_err();
    assert!(damaged.to_string().ends_with("move it away to start with nothing"), "{damaged}");
    assert!(matches!(open(&folder.path().join("no/such"), "", create), Err(OpenError::Io { .. })));
}
