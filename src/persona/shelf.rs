//! All personas that there are: the built-in ones, the file that `BOT_PERSONA` names, and the files of a folder. Files
//! are looked at again and again; an edited one speaks at once, a broken one leaves the former in place.
//!
//! Whoever asks gets a whole persona: an edit never changes one that somebody is speaking with.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

use super::{BUILT_IN, Persona, PersonaError, names_in};
use crate::errors::{Class, Classify};

/// More files than these are not looked at: `/settings` shows each as a button.
const FILES_MAX: usize = 32;
/// Longest key, in bytes: it stands in the data of a button, of which Telegram takes 64.
const KEY_MAX: usize = 32;

/// The personas. Cheap to clone; clones share what they have read.
#[derive(Clone, Debug)]
pub struct Personas {
    shelf: Arc<Shelf>,
}

#[derive(Debug)]
struct Shelf {
    /// The key of the one that speaks where nobody has chosen.
    default: String,
    /// The file that `BOT_PERSONA` names.
    chosen: Option<PathBuf>,
    /// Each `name.toml` in it is a persona.
    folder: PathBuf,
    by_key: RwLock<Arc<BTreeMap<String, Arc<Persona>>>>,
    /// What the files looked like when they were last read. Held for a whole look, so that two never mix.
    seen: Mutex<HashMap<PathBuf, Stamp>>,
}

/// A file that cannot be used; what it said before goes on to speak.
#[derive(Debug, thiserror::Error)]
#[error("the persona `{key}` stays as it was: its file cannot be used")]
pub struct PersonaFileError {
    /// Which.
    pub key: String,
    /// Why.
    #[source]
    pub source: PersonaError,
}

impl Classify for PersonaFileError {
    fn class(&self) -> Class {
        Class::Permanent
    }
}

/// What a look at the files has found.
#[derive(Debug, Default)]
pub struct Looked {
    /// Keys of personas that are new, changed or gone.
    pub changed: Vec<String>,
    /// Files that cannot be used, each told once until it changes again.
    pub broken: Vec<PersonaFileError>,
}

/// What tells an edited file from the one that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

impl Personas {
    /// The built-in personas, and those of files: `which` (`BOT_PERSONA`) is the key of a persona or a path to one, and
    /// `folder` may hold more. What is broken in the folder is in the [`Looked`].
    ///
    /// # Errors
    ///
    /// [`PersonaError`] of the persona that `which` names.
    pub fn open(which: &str, folder: PathBuf) -> Result<(Self, Looked), PersonaError> {
        let is_key = BUILT_IN.iter().any(|(key, _)| *key == which) || folder.join(format!("{which}.toml")).is_file();
        let chosen = (!is_key).then(|| PathBuf::from(which));
        let mut by_key = built_in();
        let mut seen = HashMap::new();
        let mut default = which.to_owned();
        if let Some(path) = &chosen {
            // Stamped before it is read: an edit in between is found by the next look.
            seen.insert(path.clone(), stamp(path));
            // A path that makes no key can still be spoken with; nobody can choose it by a button.
            default = key_of(path).unwrap_or_else(|| "file".to_owned());
            by_key.insert(default.clone(), Arc::new(Persona::load(path)?));
        }
        let shelf = Shelf { default, chosen, folder, by_key: RwLock::new(Arc::new(by_key)), seen: Mutex::new(seen) };
        let personas = Self { shelf: Arc::new(shelf) };
        let mut looked = personas.look();
        if is_key && let Some(at) = looked.broken.iter().position(|broken| broken.key == which) {
            return Err(looked.broken.swap_remove(at).source);
        }
        Ok((personas, looked))
    }

    /// The built-in personas only, Гряг speaking; for tests and the sandbox.
    pub fn built_in() -> Self {
        let shelf = Shelf {
            default: "gryag".to_owned(),
            chosen: None,
            folder: PathBuf::new(),
            by_key: RwLock::new(Arc::new(built_in())),
            seen: Mutex::default(),
        };
        Self { shelf: Arc::new(shelf) }
    }

    /// The persona with this key; where it is none or not there, the one that `BOT_PERSONA` names.
    pub fn get(&self, key: Option<&str>) -> Arc<Persona> {
        let by_key = self.by_key();
        key.and_then(|key| by_key.get(key))
            .or_else(|| by_key.get(&self.shelf.default))
            .map_or_else(|| Arc::new(Persona::built_in()), Arc::clone)
    }

    /// The key of the one that speaks where nobody has chosen.
    pub fn default_key(&self) -> &str {
        &self.shelf.default
    }

    /// Every key with the name of its persona, in the keys' order.
    pub fn choices(&self) -> Vec<(String, String)> {
        self.by_key().iter().map(|(key, persona)| (key.clone(), persona.name().to_owned())).collect()
    }

    /// Whether a word is a name of any of them.
    pub fn is_name(&self, word: &str) -> bool {
        self.by_key().values().any(|persona| names_in(persona, word, &[]))
    }

    /// Looks at the files and reads those that have changed. Reads the disk: not for an async task.
    pub fn look(&self) -> Looked {
        let mut seen = self.shelf.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let files = self.files();
        let mut by_key = BTreeMap::clone(&self.by_key());
        let mut looked = Looked::default();
        for (key, path) in &files {
            let now = stamp(path);
            if seen.insert(path.clone(), now) == Some(now) {
                continue;
            }
            match Persona::load(path) {
                Ok(persona) => {
                    if by_key.get(key).is_none_or(|former| **former != persona) {
                        by_key.insert(key.clone(), Arc::new(persona));
                        looked.changed.push(key.clone());
                    }
                }
                Err(source) => looked.broken.push(PersonaFileError { key: key.clone(), source }),
            }
        }
        let paths: HashSet<&PathBuf> = files.iter().map(|(_, path)| path).collect();
        seen.retain(|path, _| paths.contains(path));
        self.drop_gone(&files, &mut by_key, &mut looked);
        if !looked.changed.is_empty() {
            *self.shelf.by_key.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(by_key);
        }
        looked
    }

    /// Reads every file anew, changed or not, and tells again what is broken.
    pub fn reload(&self) -> Looked {
        self.shelf.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.look()
    }

    fn by_key(&self) -> Arc<BTreeMap<String, Arc<Persona>>> {
        Arc::clone(&self.shelf.by_key.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The files that there should be, with their keys.
    fn files(&self) -> Vec<(String, PathBuf)> {
        let mut found: Vec<(String, PathBuf)> = in_folder(&self.shelf.folder)
            .into_iter()
            .filter_map(|path| Some((key_of(&path)?, path)))
            // The file that `BOT_PERSONA` names is not to be taken for another of the same name.
            .filter(|(key, _)| self.shelf.chosen.is_none() || *key != self.shelf.default)
            .collect();
        found.sort();
        found.truncate(FILES_MAX);
        found.extend(self.shelf.chosen.clone().map(|path| (self.shelf.default.clone(), path)));
        found
    }

    /// A persona whose file is gone is gone too; behind it a built-in one may appear again.
    fn drop_gone(&self, files: &[(String, PathBuf)], by_key: &mut BTreeMap<String, Arc<Persona>>, looked: &mut Looked) {
        let built_in = built_in();
        let keys: Vec<String> = by_key.keys().cloned().collect();
        for key in keys.into_iter().filter(|key| !files.iter().any(|(of_file, _)| of_file == key)) {
            let former = by_key.get(&key).cloned();
            match built_in.get(&key) {
                Some(persona) if former.as_ref() == Some(persona) => continue,
                Some(persona) => by_key.insert(key.clone(), Arc::clone(persona)),
                // Nobody else can speak in its place.
                None if key == self.shelf.default => continue,
                None => by_key.remove(&key),
            };
            looked.changed.push(key);
        }
    }
}

/// The built-in personas. They are read once: every look at the files asks for them.
fn built_in() -> BTreeMap<String, Arc<Persona>> {
    static READ: LazyLock<BTreeMap<String, Arc<Persona>>> = LazyLock::new(|| {
        let read = |text: &str| Arc::new(Persona::parse(text).expect("a test reads the built-in personas"));
        BUILT_IN.iter().map(|(key, text)| ((*key).to_owned(), read(text))).collect()
    });
    READ.clone()
}

/// A file's name without `.toml`, where it can be a key.
fn key_of(path: &Path) -> Option<String> {
    let key = path.file_stem()?.to_str()?;
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_".contains(letter);
    (!key.is_empty() && key.len() <= KEY_MAX && key.chars().all(fits)).then(|| key.to_owned())
}

/// The `.toml` files of a folder; none of one that is not there.
fn in_folder(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .filter_map(|entry: io::Result<_>| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml") && path.is_file())
        .collect()
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok();
    Stamp {
        modified: metadata.as_ref().and_then(|metadata| metadata.modified().ok()),
        length: metadata.map_or(0, |metadata| metadata.len()),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::persona::GRYAG;

    fn another(name: &str) -> String {
        GRYAG.replace("name = \"Гряг\"", &format!("name = \"{name}\"")).replacen("\"гряг\",", "\"гряг\", \"інший\",", 1)
    }

    fn write(folder: &Path, file: &str, text: &str) {
        fs::write(folder.join(file), text).unwrap();
    }

    fn open(which: &str, folder: &Path) -> Personas {
        Personas::open(which, folder.to_owned()).unwrap().0
    }

    #[test]
    fn the_built_in_ones_are_there_and_an_unknown_key_is_the_default() {
        let personas = Personas::built_in();
        assert_eq!(personas.choices().iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["Гряг", "Зузя"]);
        assert_eq!(personas.get(Some("zuzia")).name(), "Зузя");
        assert_eq!(personas.get(Some("nobody")).name(), "Гряг");
        assert_eq!(personas.get(None).name(), "Гряг");
        assert_eq!(open("zuzia", Path::new("/nowhere")).get(None).name(), "Зузя");
    }

    #[test]
    fn an_edited_file_speaks_at_the_next_look_and_a_broken_one_leaves_the_former() {
        let folder = tempfile::tempdir().unwrap();
        let personas = open("gryag", folder.path());
        write(folder.path(), "other.toml", &another("Інший"));
        write(folder.path(), "No Key.toml", "");
        assert_eq!(personas.look().changed, ["other"]);
        let held = personas.get(Some("other"));
        assert_eq!(held.name(), "Інший");
        assert!(personas.look().changed.is_empty(), "nothing has changed since");

        write(folder.path(), "other.toml", "name = CANARY");
        let looked = personas.look();
        assert_eq!((looked.changed.len(), looked.broken.len()), (0, 1));
        assert!(!format!("{:?}", looked.broken).contains("CANARY"));
        assert!(personas.look().broken.is_empty(), "it is told once");
        assert_eq!(personas.reload().broken.len(), 1, "and to who asks");
        assert_eq!(personas.get(Some("other")), held);

        write(folder.path(), "other.toml", &another("Інший").replace("гострий", "довгий"));
        assert_eq!(personas.look().changed, ["other"]);
        assert_ne!(personas.get(Some("other")).version(), held.version());

        fs::remove_file(folder.path().join("other.toml")).unwrap();
        assert_eq!(personas.look().changed, ["other"]);
        assert_eq!(personas.get(Some("other")).name(), "Гряг");
    }

    #[test]
    fn a_file_may_stand_before_a_built_in_one_and_step_back() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "zuzia.toml", &another("Інший"));
        let personas = open("zuzia", folder.path());
        assert_eq!(personas.get(None).name(), "Інший");
        fs::remove_file(folder.path().join("zuzia.toml")).unwrap();
        assert_eq!(personas.look().changed, ["zuzia"]);
        assert_eq!(personas.get(None).name(), "Зузя");
    }

    #[test]
    fn the_chosen_file_must_be_right_at_the_start_and_is_kept_whatever_comes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        let which = path.to_str().unwrap();
        let elsewhere = || PathBuf::from("/nowhere");
        assert!(matches!(Personas::open(which, elsewhere()), Err(PersonaError::Unreadable { .. })));
        write(folder.path(), "mine.toml", "");
        assert!(matches!(Personas::open(which, elsewhere()), Err(PersonaError::Invalid { .. })));
        write(folder.path(), "mine.toml", &another("Інший"));
        let personas = open(which, Path::new("/nowhere"));
        assert_eq!((personas.get(None).name(), personas.default_key()), ("Інший", "mine"));
        assert!(personas.look().changed.is_empty());

        fs::remove_file(&path).unwrap();
        assert_eq!(personas.look().broken.len(), 1);
        assert_eq!(personas.get(None).name(), "Інший");
        write(folder.path(), "mine.toml", &another("Інший").replace("гострий", "довгий"));
        assert_eq!(personas.look().changed, ["mine"]);
    }

    #[test]
    fn a_huge_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "huge.toml", &"#".repeat(300_000));
        let (_, looked) = Personas::open("gryag", folder.path().to_owned()).unwrap();
        assert!(matches!(&looked.broken[0].source, PersonaError::Invalid { problems } if problems.len() == 1));
    }
}
