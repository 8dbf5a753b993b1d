//! Any text becomes parts that Telegram takes.
//!
//! `src/markup/tests/mod.rs` checks more, but only on texts that proptest thinks of.

#![no_main]

use gryag::markup::{ENTITIES_MAX, PART_MAX, end_at_sentence, render};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    assert!(text.starts_with(end_at_sentence(text)));
    for part in render(text) {
        let units: Vec<u16> = part.text.encode_utf16().collect();
        assert!((1..=PART_MAX).contains(&units.len()));
        assert!(!part.text.trim().is_empty());
        assert!(part.entities.len() <= ENTITIES_MAX);
        let mut ends: Vec<usize> = Vec::new();
        for entity in &part.entities {
            let start = entity.offset as usize;
            let end = start + entity.length as usize;
            let inside = String::from_utf16(&units[start..end]).expect("no surrogate pair is split");
            assert!(!inside.trim().is_empty() && inside.trim_end() == inside);
            while ends.pop_if(|end| *end <= start).is_some() {}
            assert!(ends.iter().all(|outer| end <= *outer), "entities overlap in part");
            ends.push(end);
        }
    }
});
