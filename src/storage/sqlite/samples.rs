//! Figures over time.

use async_trait::async_trait;
use deadpool_sqlite::rusqlite::{Connection, params};

use super::{
    SqliteStore, execute, query_all, query_one,
    writer::{Priority, Rings},
};
use crate::{
    domain::Timestamp,
    storage::{SERIES_MAX, Sample, SampleSpan, SampleStore, Series, StorageError},
};

#[async_trait]
impl SampleStore for SqliteStore {
    async fn add_samples(&self, at: Timestamp, samples: Vec<Sample>) -> Result<(), StorageError> {
        self.write("adding samples", Priority::Other, Rings::default(), move |tx| {
            for span in SampleSpan::ALL {
                let step = span.step_of(at);
                for sample in samples.iter().take(SERIES_MAX) {
                    add(tx, span, step, sample)?;
                }
                // A step far ahead was written before the clock stepped back.
                let (oldest, newest) = (span.begin(at), step + span.step() * span.steps());
                execute(
                    tx,
                    "forgetting old samples",
                    "DELETE FROM samples WHERE width = ?1 AND step < ?2",
                    params![width(span), oldest.0],
                )?;
                execute(
                    tx,
                    "forgetting samples of the future",
                    "DELETE FROM samples WHERE width = ?1 AND step > ?2",
                    params![width(span), newest.0],
                )?;
            }
            Ok(())
        })
        .await
    }

    async fn samples(&self, span: SampleSpan, now: Timestamp) -> Result<Vec<(Timestamp, Sample)>, StorageError> {
        self.read("reading samples", move |connection| {
            let rows = query_all(
                connection,
                "reading samples",
                "SELECT step, series, label, value FROM samples WHERE width = ?1 AND step BETWEEN ?2 AND ?3 \
                 ORDER BY step, series, label",
                params![width(span), span.begin(now).0, now.0],
                |row| {
                    let series = Series::from_stored(row.get_ref(1)?.as_str()?);
                    let (step, label, value) = (Timestamp(row.get(0)?), row.get(2)?, row.get(3)?);
                    Ok(series.map(|series| (step, Sample { series, label, value })))
                },
            )?;
            Ok(rows.into_iter().flatten().collect())
        })
        .await
    }
}

fn add(tx: &Connection, span: SampleSpan, step: Timestamp, sample: &Sample) -> Result<(), StorageError> {
    let doing = "adding a sample";
    let key = params![width(span), step.0, sample.series.as_str(), sample.label];
    let sql = "SELECT value FROM samples WHERE width = ?1 AND step = ?2 AND series = ?3 AND label = ?4";
    let known = query_one(tx, doing, sql, key, |row| row.get::<_, i64>(0))?;
    let value = known.map_or(sample.value, |known| sample.series.fold(known, sample.value));
    execute(
        tx,
        doing,
        "INSERT INTO samples (width, step, series, label, value) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (width, step, series, label) DO UPDATE SET value = excluded.value",
        params![width(span), step.0, sample.series.as_str(), sample.label, value],
    )
    .map(drop)
}

fn width(span: SampleSpan) -> i64 {
    i64::try_from(span.step().as_secs()).unwrap_or(i64::MAX)
}
