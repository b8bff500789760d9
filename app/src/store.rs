//! What this browser keeps between visits: IndexedDB behind a few typed functions.
//!
//! A record has a text key, a value (serde) and any number of byte arrays (pictures, latents). Where the browser keeps
//! nothing (private windows of some, a full disk) [`Store::open`] or a `put` fails with a sentence for the user, and the
//! page goes on without.
//!
//! ```text
//! let store = Store::open().await?;
//! store.put(Table::Cells, &key, &figures, &[&rgba, &latents]).await?;
//! let records: Vec<Record<Figures>> = store.all(Table::Cells).await?;
//! ```

use idb::{Database, DatabaseEvent, Event, Factory, KeyPath, ObjectStoreParams, TransactionMode, request::Request};
use js_sys::{Array, Object, Reflect, Uint8Array};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};

const DATABASE: &str = "stepscope";
/// Raised when a table or an index joins; [`upgrade`] adds what is missing.
const VERSION: u32 = 2;
/// When a record was put, in milliseconds; an index of [`Table::Cells`].
const AT: &str = "at";

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// The log: one record a run.
    Runs,
    /// Pictures of runs in the log.
    Pictures,
    /// Finished runs of sweeps.
    Cells,
    /// What the user has set: one record a setting.
    Settings,
}

impl Table {
    const ALL: [Self; 4] = [Self::Runs, Self::Pictures, Self::Cells, Self::Settings];

    fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Pictures => "pictures",
            Self::Cells => "cells",
            Self::Settings => "settings",
        }
    }
}

/// One record as it was put.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<T> {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: T,
    /// Its byte arrays.
    pub bytes: Vec<Vec<u8>>,
}

/// An open database. Close it by dropping it.
pub struct Store(Database);

impl Drop for Store {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Store {
    /// Opens the database; makes it on the first visit.
    ///
    /// # Errors
    /// One sentence, where the browser does not keep anything for this page.
    pub async fn open() -> Result<Self, String> {
        let open = async {
            let mut request = Factory::new()?.open(DATABASE, Some(VERSION))?;
            request.on_upgrade_needed(upgrade);
            request.await
        };
        let mut database = open.await.map_err(|error: idb::Error| sentence(&error))?;
        // A newer page in another tab must not wait for this one.
        database.on_version_change(|event| {
            if let Ok(database) = event.database() {
                database.close();
            }
        });
        Ok(Self(database))
    }

    /// Puts a record, in place of one with the same key.
    ///
    /// # Errors
    /// One sentence, such as when the disk is full.
    pub async fn put<T: Serialize>(&self, table: Table, key: &str, value: &T, bytes: &[&[u8]]) -> Result<(), String> {
        let value = value.serialize(&serde_wasm_bindgen::Serializer::json_compatible());
        let value = value.map_err(|error| format!("It cannot be kept: {error}."))?;
        let arrays: Array = bytes.iter().map(|bytes| JsValue::from(Uint8Array::from(*bytes))).collect();
        let record = Object::new();
        for (name, part) in
            [("key", key.into()), ("value", value), ("bytes", arrays.into()), (AT, js_sys::Date::now().into())]
        {
            Reflect::set(&record, &name.into(), &part).map_err(|error| format!("{error:?}"))?;
        }
        let put = async {
            let transaction = self.0.transaction(&[table.name()], TransactionMode::ReadWrite)?;
            transaction.object_store(table.name())?.put(&record, Some(&key.into()))?.await?;
            // Only a committed record is a kept one: a full disk shows here.
            transaction.commit()?.await
        };
        put.await.map(drop).map_err(|error: idb::Error| sentence(&error))
    }

    /// One record. A record that this version cannot read counts as none.
    ///
    /// # Errors
    /// One sentence, where the database cannot be read.
    pub async fn get<T: DeserializeOwned>(&self, table: Table, key: &str) -> Result<Option<Record<T>>, String> {
        let get = async {
            let transaction = self.0.transaction(&[table.name()], TransactionMode::ReadOnly)?;
            transaction.object_store(table.name())?.get(JsValue::from(key))?.await
        };
        let found = get.await.map_err(|error: idb::Error| sentence(&error))?;
        Ok(found.and_then(|record| read(&record)))
    }

    /// Every record of a table, by key. Records that this version cannot read are left out.
    ///
    /// # Errors
    /// One sentence, where the database cannot be read.
    pub async fn all<T: DeserializeOwned>(&self, table: Table) -> Result<Vec<Record<T>>, String> {
        let get = async {
            let transaction = self.0.transaction(&[table.name()], TransactionMode::ReadOnly)?;
            transaction.object_store(table.name())?.get_all(None, None)?.await
        };
        let found = get.await.map_err(|error: idb::Error| sentence(&error))?;
        Ok(found.iter().filter_map(read).collect())
    }

    /// Deletes the oldest cells beyond `most`.
    ///
    /// # Errors
    /// One sentence, where the database cannot be written.
    pub async fn trim_cells(&self, most: u32) -> Result<(), String> {
        let table = Table::Cells.name();
        let trim = async {
            let transaction = self.0.transaction(&[table], TransactionMode::ReadWrite)?;
            let cells = transaction.object_store(table)?;
            let surplus = cells.count(None)?.await?.saturating_sub(most);
            if surplus > 0 {
                for key in cells.index(AT)?.get_all_keys(None, Some(surplus))?.await? {
                    cells.delete(key)?.await?;
                }
            }
            transaction.commit()?.await
        };
        trim.await.map(drop).map_err(|error: idb::Error| sentence(&error))
    }

    /// Removes a record, if it is there.
    ///
    /// # Errors
    /// One sentence, where the database cannot be written.
    pub async fn delete(&self, table: Table, key: &str) -> Result<(), String> {
        let delete = async {
            let transaction = self.0.transaction(&[table.name()], TransactionMode::ReadWrite)?;
            transaction.object_store(table.name())?.delete(JsValue::from(key))?.await?;
            transaction.commit()?.await
        };
        delete.await.map(drop).map_err(|error: idb::Error| sentence(&error))
    }
}

/// Adds the tables that an older version did not have, and the index of cells.
fn upgrade(event: idb::event::VersionChangeEvent) {
    let Ok(database) = event.database() else { return };
    let there = database.store_names();
    // What fails here makes the first use of the table fail, which is told.
    for table in Table::ALL.into_iter().filter(|table| !there.iter().any(|name| name == table.name())) {
        let _ = database.create_object_store(table.name(), ObjectStoreParams::new());
    }
    let transaction = event.target().ok().and_then(|request| request.transaction());
    let cells = transaction.and_then(|transaction| transaction.object_store(Table::Cells.name()).ok());
    if let Some(cells) = cells.filter(|cells| !cells.index_names().iter().any(|name| name == AT)) {
        let _ = cells.create_index(AT, KeyPath::new_single(AT), None);
    }
}

fn read<T: DeserializeOwned>(record: &JsValue) -> Option<Record<T>> {
    let get = |name: &str| Reflect::get(record, &name.into()).ok();
    let bytes = get("bytes")?.dyn_into::<Array>().ok()?;
    Some(Record {
        key: get("key")?.as_string()?,
        value: serde_wasm_bindgen::from_value(get("value")?).ok()?,
        bytes: bytes.iter().filter_map(|part| Some(part.dyn_into::<Uint8Array>().ok()?.to_vec())).collect(),
    })
}

fn sentence(error: &idb::Error) -> String {
    let words = error.to_string();
    if words.contains("QuotaExceeded") {
        return "There is no room left on this device: delete runs from the log, or free some disk space.".into();
    }
    format!("This browser does not keep anything for this page ({words}).")
}
