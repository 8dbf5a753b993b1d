//! What models cost: `prices/gemini.toml`, read once. A price that is not there is not known, and nobody invents one;
//! only budgets, which must hold for such a model too, count its tokens at the dearest price that is there.

use std::sync::LazyLock;

use jiff::civil::Date;
use serde::Deserialize;

use crate::domain::{Cost, Day, TokenUsage};

const FILE: &str = include_str!("../../prices/gemini.toml");

static BUILT_IN: LazyLock<Prices> = LazyLock::new(|| Prices::parse(FILE).expect("a test reads the prices"));

/// Nano-dollars for a token: a dollar for a million tokens is a thousand of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Price {
    /// Of the prompt, not cached.
    pub input: i64,
    /// Of the prompt, cached.
    pub cached: i64,
    /// Thought or written.
    pub output: i64,
}

impl Price {
    /// What these tokens cost, in nano-dollars.
    pub fn of(self, usage: TokenUsage) -> i64 {
        let cached = usage.cached.min(usage.prompt);
        let fresh = i64::from(usage.prompt - cached);
        let written = i64::from(usage.thoughts) + i64::from(usage.answer);
        fresh * self.input + i64::from(cached) * self.cached + written * self.output
    }
}

/// The prices of all models that are listed.
#[derive(Clone, Debug)]
pub struct Prices {
    rows: Vec<Row>,
}

/// A price and the days on which it holds.
#[derive(Clone, Debug)]
struct Row {
    model: String,
    from: Day,
    until: Option<Day>,
    price: Price,
}

/// The prices that come with the program.
pub fn built_in() -> &'static Prices {
    &BUILT_IN
}

impl Prices {
    /// What `model` costs on that day, if it is known.
    pub fn price(&self, model: &str, day: Day) -> Option<Price> {
        // The newest row that has begun is the one that holds; if it has ended, nothing holds.
        let begun = self.rows.iter().filter(|row| row.model == model && row.from <= day);
        let newest = begun.max_by_key(|row| row.from)?;
        newest.until.is_none_or(|until| day <= until).then_some(newest.price)
    }

    /// Whether anything is known of what `model` costs, on whatever day.
    pub fn lists(&self, model: &str) -> bool {
        self.rows.iter().any(|row| row.model == model)
    }

    /// The price at which budgets count the tokens of a model whose own is not known: the dearest of that day. A budget
    /// in dollars is then one in tokens: on 2026-12-01, $0.10 are 25 000 tokens of prompts or 5 000 of answers.
    pub fn dearest(&self, day: Day) -> Price {
        let holding: Vec<Price> = self.rows.iter().filter_map(|row| self.price(&row.model, day)).collect();
        // Before the first day of the file, all that is in it.
        let listed = || self.rows.iter().map(|row| row.price).collect();
        let among = if holding.is_empty() { listed() } else { holding };
        let most = |of: fn(&Price) -> i64| among.iter().map(of).max().unwrap_or_default();
        Price {
            input: most(|price| price.input),
            cached: most(|price| price.cached),
            output: most(|price| price.output),
        }
    }

    /// What a call of `model` on that day cost.
    pub fn cost(&self, model: &str, day: Day, usage: TokenUsage) -> Cost {
        match self.price(model, day).map(|price| price.of(usage)) {
            Some(cost) => Cost { nano_usd: Some(cost), counted_nano_usd: cost },
            // A call that brought no tokens cost nothing, whoever was called.
            None if usage == TokenUsage::default() => Cost::NOTHING,
            None => Cost { nano_usd: None, counted_nano_usd: self.dearest(day).of(usage) },
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let rows = file.price.into_iter().map(Row::checked).collect::<Result<Vec<_>, _>>()?;
        let is_double =
            |row: &Row| rows.iter().filter(|other| (&other.model, other.from) == (&row.model, row.from)).count() > 1;
        match rows.iter().find(|row| is_double(row)) {
            Some(row) => Err(format!("{} has two prices from one day on", row.model)),
            None => Ok(Self { rows }),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// When it was last looked after; for people.
    #[serde(rename = "read")]
    _read: String,
    price: Vec<WrittenRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRow {
    model: String,
    from: String,
    until: Option<String>,
    input: f64,
    cached: f64,
    output: f64,
}

impl Row {
    fn checked(written: WrittenRow) -> Result<Self, String> {
        let WrittenRow { model, from, until, input, cached, output } = written;
        let in_row = |problem: String| format!("{model} from {from}: {problem}");
        let price = Price {
            input: nano_usd_a_token(input).map_err(in_row)?,
            cached: nano_usd_a_token(cached).map_err(in_row)?,
            output: nano_usd_a_token(output).map_err(in_row)?,
        };
        let (begin, end) = (day(&from).map_err(in_row)?, until.as_deref().map(day).transpose().map_err(in_row)?);
        if end.is_some_and(|end| end < begin) {
            return Err(in_row("it ends before it begins".to_owned()));
        }
        if price.cached > price.input || price.input > price.output {
            return Err(in_row("cached input costs no more than input, and input no more than output".to_owned()));
        }
        Ok(Self { model, from: begin, until: end, price })
    }
}

pub(super) fn day(text: &str) -> Result<Day, String> {
    let date: Date = text.parse().map_err(|_| format!("{text} is no date such as 2026-11-20"))?;
    let span = date.since(Date::constant(1970, 1, 1)).map_err(|_| format!("{text} is out of range"))?;
    Ok(Day(i64::from(span.get_days())))
}

/// From dollars for a million tokens.
fn nano_usd_a_token(usd: f64) -> Result<i64, String> {
    let nano = usd * 1_000.0;
    if !(1.0..=1_000_000.0).contains(&nano) || (nano - nano.round()).abs() > 1e-6 {
        return Err(format!("{usd} is no price from 0.001 to 1000 dollars in steps of 0.001"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "it was checked to be a whole number in that range")]
    Ok(nano.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn on(date: &str) -> Day {
        day(date).unwrap()
    }

    fn dollars(model: &str, date: &str) -> Option<(i64, i64, i64)> {
        built_in().price(model, on(date)).map(|price| (price.input, price.cached, price.output))
    }

    #[test]
    fn the_file_is_read_and_every_row_of_it_holds_on_its_first_day() {
        let prices = Prices::parse(FILE).unwrap();
        assert!(prices.rows.len() > 12);
        for row in &prices.rows {
            assert_eq!(prices.price(&row.model, row.from), Some(row.price), "{}", row.model);
        }
    }

    #[test]
    fn the_default_models_have_a_price_now_and_next_year_and_the_second_is_the_cheaper_one() {
        let gemini = Config::for_tests().gemini;
        for date in ["2026-11-25", "2026-12-31", "2027-01-01", "2027-11-25"] {
            let price = |model: &str| built_in().price(model, on(date)).unwrap_or_else(|| panic!("{model} on {date}"));
            let fallback = price(gemini.fallback_model.as_deref().unwrap());
            let first = price(&gemini.model);
            assert!(fallback.input < first.input && fallback.output < first.output, "{date}");
        }
    }

    #[test]
    fn a_price_changes_on_its_day() {
        assert_eq!(dollars("gemini-4-argon", "2026-11-30"), Some((2_000, 200, 10_000)));
        assert_eq!(dollars("gemini-4-argon", "2026-12-01"), Some((4_000, 400, 20_000)));
        assert_eq!(dollars("gemini-3.8-flash", "2026-12-31"), Some((750, 75, 3_750)));
        assert_eq!(dollars("gemini-3.8-flash", "2027-01-01"), Some((1_500, 150, 7_500)));
    }

    #[test]
    fn before_its_first_day_and_after_its_last_a_model_has_no_price() {
        assert_eq!(dollars("gemini-4-hydrogen", "2026-11-11"), None);
        assert_eq!(dollars("gemini-2.5-flash", "2026-11-30"), Some((300, 30, 2_500)));
        assert_eq!(dollars("gemini-2.5-flash", "2026-12-01"), None);
    }

    #[test]
    fn names_are_compared_whole() {
        // The lite model's name begins with the dearer one's.
        assert_ne!(dollars("gemini-3.5-flash-lite", "2026-11-25"), dollars("gemini-3.5-flash", "2026-11-25"));
        assert_eq!(dollars("gemini-3.5-flash-preview", "2026-11-25"), None);
        assert!(built_in().lists("gemini-3.5-flash") && !built_in().lists("gemini-3.5-flash-preview"));
    }

    #[test]
    fn cached_tokens_are_a_part_of_the_prompt_and_thoughts_cost_as_answers_do() {
        let usage = TokenUsage { prompt: 1_000, cached: 400, thoughts: 30, answer: 20 };
        let cost = built_in().cost("gemini-3.8-flash", on("2026-11-25"), usage);
        let expected = 600 * 750 + 400 * 75 + 50 * 3_750;
        assert_eq!(cost, Cost { nano_usd: Some(expected), counted_nano_usd: expected });
    }

    #[test]
    fn an_unknown_models_cost_is_unknown_and_counts_at_the_dearest_price() {
        let usage = TokenUsage { prompt: 1_000, cached: 400, thoughts: 30, answer: 20 };
        let cost = built_in().cost("gemini-test", on("2026-12-01"), usage);
        assert_eq!(cost, Cost { nano_usd: None, counted_nano_usd: 600 * 4_000 + 400 * 400 + 50 * 20_000 });
        assert_eq!(built_in().cost("gemini-test", on("2026-12-01"), TokenUsage::default()), Cost::NOTHING);
        // The doc comment's example.
        let tokens = |usage| built_in().cost("gemini-test", on("2026-12-01"), usage).counted_nano_usd;
        assert_eq!(tokens(TokenUsage { prompt: 25_000, ..TokenUsage::default() }), 100_000_000);
        assert_eq!(tokens(TokenUsage { answer: 5_000, ..TokenUsage::default() }), 100_000_000);
    }

    #[test]
    fn the_dearest_price_bounds_every_known_one_on_any_day() {
        let prices = built_in();
        for day in on("2020-01-01").0..on("2028-01-01").0 {
            let dearest = prices.dearest(Day(day));
            assert!(dearest.input > 0 && dearest.cached > 0 && dearest.output > 0);
            for price in prices.rows.iter().filter_map(|row| prices.price(&row.model, Day(day))) {
                assert!(
                    price.input <= dearest.input && price.cached <= dearest.cached && price.output <= dearest.output
                );
            }
        }
    }

    #[test]
    fn a_wrong_file_is_refused_with_the_row_that_is_wrong() {
        let row = |from: &str, input: &str, more: &str| {
            format!(
                "[[price]]\nmodel = \"m\"\nfrom = \"{from}\"\ninput = {input}\ncached = 0.1\noutput = 2.0\n{more}\n"
            )
        };
        let parse = |rows: &[String]| Prices::parse(&format!("read = \"2026-11-20\"\n{}", rows.concat()));
        assert!(parse(&[row("2026-01-01", "1.0", "")]).is_ok());
        for wrong in [
            vec![row("2026-01-01", "0.0", "")],
            vec![row("2026-01-01", "0.05", "")],
            vec![row("2026-01-01", "3.0", "")],
            vec![row("2026-01-01", "1.0005", "")],
            vec![row("in May", "1.0", "")],
            vec![row("2026-01-01", "1.0", "until = \"2025-12-31\"")],
            vec![row("2026-01-01", "1.0", "unknown = 1")],
            vec![row("2026-01-01", "1.0", ""), row("2026-01-01", "1.5", "")],
        ] {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
    }
}
